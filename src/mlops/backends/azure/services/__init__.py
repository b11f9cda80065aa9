"""Services: `mlops.platform.services` with Container Instances (QA) and Kubernetes (production).

.. code-block:: text

    services       serves, puts back, ends and looks at them, for `mlops.release.policy`
    web_services   one web service of the SDK: made, updated, described, deleted
    configuration  its sizes, replicas and probes, from the settings
    sdk_objects    what is used of the SDK's web services
    state          what an environment serves and has served, as a blob
"""
