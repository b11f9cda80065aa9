"""The connection to Azure: identity, requests, and explanations of refusals.

.. code-block:: text

    settings      the section `azure` of parameters/azure.yml
    machines      the number of cores of each machine size, and the number that production needs
    identity      the credential of this process
    session       the workspace, opened once
    container     the storage clients for locks, data sets and records, which are blobs
    lock          a lease on a blob, which is renewed while it is held
    sdk_objects   the parts of the SDK's untyped objects that the adapter uses
    answers       the content of an SDK's error: status, codes, messages, Retry-After
    refusals      explanations and advice for a status or an error code
    retries       calls that are retried while Azure is busy
"""
