"""Releases: the services of the environments, their history, and the checks that a service must pass.

.. code-block:: text

    policy          the rules: how to deploy, what a failed test restores, how to roll back
    refusals        the images that must not be deployed, and the rollbacks that have nothing to restore
    choice          the image to release: the named one, or the champion's
    host            the protocol that a platform implements for it: start, end and describe a service
    deployment      the deployment by 06_deploy, or why it was refused
    next_release    the state that a release depends on, what keeps it from deploying the champion, and its command
    standing        the service of an environment, compared with the champion
    history         the deployments of an environment: the present one, earlier ones, and which images passed
    keys            the keys of services, unless the services refuse them
    loopback        whether a service is on this machine
    sessions        sessions for requests to services, without a proxy for this machine
    calls           requests to services, repeated if the connection fails
    service_checks  the checks of 07_test_service: contract, predictions, latency
"""
