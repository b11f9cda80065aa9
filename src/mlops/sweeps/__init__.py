"""Sweeps, which execute one notebook for every combination of parameter values and find the best combination.

.. code-block:: text

    grid       the combinations that the command line asks for
    plan       the goal, and the listener that follows a sweep
    inputs     the results of earlier steps, which all combinations share
    run        the sweep from its first combination to its last
    executors  the interface for executing notebooks, and its implementation with threads on this machine
    cluster    an implementation of the interface on a Dask cluster
    score      the number by which combinations are compared
    results    the finished combinations, one line each in `sweep.jsonl`
"""
