"""Services: `mlops.platform.services` with Container Instances (QA) and Kubernetes (production).

.. code-block:: text

    services       serves, restores, ends and describes services, for `mlops.release.policy`
    web_services   creates, updates, watches and deletes a web service of the SDK
    configuration  sizes and replicas of a service, from the settings
    sdk_objects    the parts of the SDK's web services that this package uses
    state          the current and earlier deployments of an environment, as a blob
"""
