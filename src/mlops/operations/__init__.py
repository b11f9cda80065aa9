"""The operations behind commands and requests. `mlops.cli` calls them, and a server or a worker can, too.

Functions take typed arguments and return values. They report progress to the listeners that they are given, and print
nothing.

.. code-block:: text

    opening        a project on one of its platforms: what every operation starts from
    running        running a pipeline, resuming a run
    releasing      releasing again what production served last
    rolling_back   going back to what served before, recorded as a run
    stepping       one step of a submitted run, on its machine
    submitting     the published pipeline: publish, submit, watch, download
    provisioning   setting a platform up, as a run
    sweeping       one step for every combination of its parameters
    surroundings   what a run works with: reports, monitoring, secrets, services, the champion
    data           which data a run trains on, and the data set's next version
    model_file     the file that names a new model, from a build to the release
    costs          what a month costs: billable quantities times prices
    overview       what each environment serves, for the top of the index
    status         the champion, the services, the last runs
    pruning        what is old and nothing needs any more, deleted
    upgrade        MLOPS_HOME in the format of this version, after a backup
"""
