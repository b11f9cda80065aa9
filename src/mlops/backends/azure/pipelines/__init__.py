"""Implements `mlops.platform.pipelines`: the retraining pipeline as a published pipeline of the SDK.

.. code-block:: text

    pipelines     implements the interface: publication, submission, and submitted runs
    publication   publishes one version per build, and the endpoint that starts the newest version
    sdk_steps     the pipeline's steps as objects of the SDK
    sdk_objects   type hints for the SDK's objects
    run_packages  the packages that the steps need, registered in the workspace
    sources       the source files that are sent to the machines of a run
    schedules     the schedules: one at fixed intervals, and one for new data
"""
