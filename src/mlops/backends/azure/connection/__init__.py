"""The way to Azure: who we are, what we ask, and what its refusals mean.

.. code-block:: text

    settings      the section `azure` of parameters/azure.yml
    identity      the credential, and who is logged in
    session       the workspace, opened once
    container     the storage client: locks, data sets and records are blobs
    lock          a lease on a blob, renewed while it is held
    answers       the SDKs' errors read: status, code, message
    refusals      a refusal of the workspace, explained
    arm_refusals  a refusal of Azure Resource Manager, explained
    retries       calls that are repeated while Azure is busy
"""
