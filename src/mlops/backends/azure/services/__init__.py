"""Implements `mlops.platform.services` with Container Instances (QA) and Kubernetes (production).

.. code-block:: text

    services       deploys, restores, deletes and describes services
    web_services   creates, updates, watches and deletes web services with the SDK
    configuration  the sizes and replicas of services, from the settings
    sdk_objects    type hints for the SDK's web services
    collections    the storage location of the rows that services collect
    logs           reads and follows the logs of services
    state          a blob that records the current and earlier deployments of an environment
"""
