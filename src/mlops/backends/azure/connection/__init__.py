"""The connection to Azure: the identity, requests, and explanations of refused requests.

.. code-block:: text

    settings      the section `azure` of parameters/azure.yml
    machines      the cores of each machine size, and the minimum size of a production cluster
    identity      the credential of this process
    session       the workspace, which is opened on first use
    container     the storage clients for blobs: locks, data sets and records
    lock          a lock that all users of the workspace share
    sdk_objects   type hints for the SDK's objects
    answers       reads status, codes, messages and Retry-After from the errors of the SDKs
    refusals      explains refused requests, and says what to do
    retries       calls that are retried while Azure is busy
"""
