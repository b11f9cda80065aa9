"""The operations that the commands of `mlops.cli` call.

.. code-block:: text

    opening        opens the project on a platform, and checks its notebooks and files
    running        runs a pipeline, or resumes a run
    request        a request to run a pipeline, and the checks of its options
    preconditions  the checks of the platform before the first step
    releasing      after a run, releases production's last image again if production is down; finds the next release
    rolling_back   restores the previous service of an environment, and records this as a run
    stepping       runs one step of a submitted run, on the machine that the platform started for it
    submitting     publishes the pipeline; submits, watches, downloads and lists runs
    provisioning   sets a platform up, as a run
    sweeping       executes one step for every combination of parameter values
    surroundings   the surroundings of a run: the project, the listeners and the functions of the platform
    data           chooses the data of a run, and registers new versions of the data set
    model_file     the file that names a new model, passed from a build to the release
    costs          the costs of a month: billed quantities times prices
    overview       the services of the environments, for the top of the index page
    status         the champion, the services, the last runs
    upkeep/        the deletion of old state, and the upgrade of a home
"""

# All functions have typed arguments and results. They report progress to listeners, and print nothing.
