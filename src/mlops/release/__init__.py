"""Releases: what an environment serves, what it served before, and the checks that a service must pass.

.. code-block:: text

    policy          who may be deployed, what a failed test restores, how to roll back
    host            what a platform implements for it: start, end and describe a service
    deployment      the deployment that 06_deploy makes, or why it must not
    standing        what an environment serves, beside the champion
    history         what one environment serves and has served: which images passed, what to go back to
    keys            the keys of services, never those that a service refuses
    loopback        whether a service is on this machine
    sessions        requests to services, past any proxy on the way to this machine
    service_checks  the requests of 07_test_service: contract, predictions, latency
"""
