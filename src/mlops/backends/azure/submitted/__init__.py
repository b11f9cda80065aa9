"""Submitted runs: their start, their state, and their steps on the machines that execute them.

.. code-block:: text

    submission       starts a run of the published pipeline
    history          lists and describes runs, and fetches their files
    job              one step of a run, on the machine that executes it
    conclusion_tags  the tags that record how a run ended
    run_folder       passes the folder of a run from step to step
"""
