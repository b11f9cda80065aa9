"""Submitted runs: how they start, how they stand, and how the machine that executes a step sees them.

.. code-block:: text

    submission  starts a run of the published pipeline
    history     lists runs, and reads one
    job         one step of a run: `mlops.platform.jobs`
    run_folder  the run's folder between its steps
"""
