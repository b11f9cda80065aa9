"""What people read: a report of every executed notebook, and an index over all runs."""
