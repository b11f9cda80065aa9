"""The records of runs, with their steps, inputs and results.

.. code-block:: text

    ledger        the record of a run, `run.json`, and the list of all runs
    order         the order in which runs started, which is right even if the clock was set back
    steps         one step of a run, and the failure of a run
    summary       the model and the data of a run
    scores        the metrics of a run
    conclusion    how a run ended, for the pages of a platform
    data_test     the last data test
    changes       the parameters of a run that differ from those of an earlier run
    listener      the base class for objects that follow a run
    processes     the identity of a process, whether it still runs, and which processes use a file
    clock         the present time, as text
    user          the user who started a run
    fingerprints  the hash of everything that a step's results depend on
    removal       the deletion of files and folders
    run_lock      the lock that keeps `mlops prune` from deleting runs while another run may use them
    reuse         the reuse of earlier results
    lineage       the origin of a result: commit, build, notebooks with their hashes
    redaction/    the redaction of secrets in everything that is saved and shown
"""
