"""The retraining pipeline: `mlops.platform.pipelines` with the SDK's published pipelines.

.. code-block:: text

    pipelines     implements the interface: publication, submission, and submitted runs
    publication   publishes one version per build, and the endpoint that starts the newest version
    sdk_steps     the pipeline's steps as objects of the SDK
    sdk_objects   type hints for the SDK's objects
    run_packages  the packages of the steps, registered once per lock file
    sources       the source files that are sent to the machines of a run
    schedules     the schedules: one at fixed intervals, and one for new data
"""
