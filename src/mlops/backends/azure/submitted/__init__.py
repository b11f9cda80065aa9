"""Submitted runs: their start, their state, and their steps on the machines that execute them.

.. code-block:: text

    submission       starts a run of the published pipeline
    history          lists and describes runs
    job              one step of a run: `mlops.platform.jobs`
    conclusion_tags  how a run ended, as tags of the run
    run_folder       passes the run's folder from step to step
"""
