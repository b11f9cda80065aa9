"""The connection to Azure: who we are, what we ask, and what its refusals mean.

.. code-block:: text

    settings      the section `azure` of parameters/azure.yml
    machines      how many cores a size of machine has, and how many production needs
    identity      the credential, and who is logged in
    session       the workspace, opened once
    container     the storage clients: locks, data sets and records are blobs
    lock          a lease on a blob, renewed while it is held
    sdk_objects   what is used of the SDK's untyped objects
    answers       what an SDK's error holds: status, codes, messages, Retry-After
    refusals      a refusal explained: from status or code to advice
    retries       calls that are retried while Azure is busy
"""
