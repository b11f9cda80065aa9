"""Sweeps: one notebook executed for every combination of its parameters' values, and the best of them."""
