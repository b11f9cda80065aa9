"""Releases: the services of the environments, their history, and the checks that a service must pass.

.. code-block:: text

    policy          the rules for deployments, failed tests and rollbacks
    refusals        refuses deployments that are not allowed, and rollbacks that have nothing to restore
    choice          chooses the image to release: an image that the user names, or the image of the champion
    host            the protocol with which a platform starts, ends and describes services
    deployment      deploys an image for 06_deploy, and reports a refusal
    next_release    the next release of the champion: the command that starts it, and what prevents it
    standing        compares the service of an environment with the champion
    history         the deployments of an environment, its rollbacks, and the images that passed their test
    keys            reads the keys of a service, after a check that the service accepts them
    loopback        checks whether a service is on this machine
    sessions        sessions for requests to services; requests to this machine use no proxy
    calls           requests to services, repeated if the connection fails
    service_checks  the checks of 07_test_service: contract, predictions, latency
    predictions     the predictions of a service, compared with those of the registered model
    bad_requests    requests that the service must refuse, derived from the schema of its image
"""
