"""The retraining pipeline: `mlops.platform.pipelines` with the SDK's published pipelines.

.. code-block:: text

    pipelines     the implementation of the interface: publication, submission, and submitted runs
    publication   one version per build, behind one endpoint
    sdk_steps     the pipeline's steps as SDK objects
    sdk_objects   the parts of the SDK's untyped objects that publication uses
    run_packages  the environment of the steps, registered once per lock file
    sources       the sources that are uploaded
    schedules     the schedules at fixed intervals and for new data
"""
