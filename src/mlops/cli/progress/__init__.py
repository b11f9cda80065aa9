"""What a command shows on a terminal while it works, and the summary that ends it.

.. code-block:: text

    run        a line for each step of a run, and the run's summary
    following  the command that a user types next
    sweep      a count of the finished combinations, and the sweep's summary
"""
