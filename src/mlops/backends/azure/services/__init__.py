"""Services: `mlops.platform.services` by Container Instances (QA) and Kubernetes (production).

.. code-block:: text

    services       deploys, records tests, rolls back, stops
    web_services   one web service of the SDK: made, updated, described, deleted
    configuration  its sizes, replicas and probes, from the settings
    state          what an environment serves and has served, as a blob
"""
