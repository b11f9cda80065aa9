"""The retraining pipeline: `mlops.platform.pipelines` with the SDK's published pipelines.

.. code-block:: text

    pipelines     the seam's implementation: publication, submission, and submitted runs
    publication   one version a build behind one endpoint
    sdk_steps     our steps as the SDK's
    sdk_objects   what is used of the SDK's untyped objects
    run_packages  the environment that the steps run in, once for a lock
    sources       the snapshot that is uploaded
    schedules     the clock, and new data
"""
