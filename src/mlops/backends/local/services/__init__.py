"""Implements `mlops.platform.services` with one server process per environment.

.. code-block:: text

    host         the services of all environments, their logs, and the states of their processes
    site         the service of one environment: starts, describes and ends it
    deployments  the recorded state of an environment
    processes    starts, finds and ends server processes
    collections  the storage location of the rows that services collect
"""
