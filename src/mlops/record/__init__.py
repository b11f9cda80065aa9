"""The record of runs: what ran, on what, and with what result.

.. code-block:: text

    ledger        a run as `run.json` holds it, and the list of all runs
    order         the order in which runs started, whatever the clock says
    steps         one step of a run, and where a run failed
    summary       what a run says about the model
    data_test     the last data test
    changes       the parameters of a run that differ from the run before it
    listener      what hears of the progress of a run
    processes     what identifies a process, whether it still runs, and which ones hold a file
    clock         the time as records hold it
    user          the user who starts a run
    fingerprints  what the results of a step depend on, as one hash
    removal       files and folders, deleted whole
    run_lock      keeps runs and the deletion of runs apart
    reuse         the results of earlier runs, taken over where nothing has changed
    lineage       where a result came from: commit, build, notebooks with their hashes
    redaction/    redacts secrets in what is recorded and shown
"""
