"""Sweeps: one notebook executed for every combination of its parameters' values, and the best of them.

.. code-block:: text

    grid       the combinations that the command line asks for
    plan       the goal, and the listener to the progress
    inputs     the results of the steps before, which all combinations share
    run        the sweep from its first combination to its last
    executors  where notebooks are executed: the seam, and threads of this machine
    cluster    the same on a Dask cluster
    score      the number by which combinations are compared
    results    the combinations that have ended, a line each in `sweep.jsonl`
"""
