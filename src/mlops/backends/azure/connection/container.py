"""The storage SDK's client: where locks, data sets and records of images and services are kept."""

from typing import Any

from mlops.backends.azure.connection.session import AzureSession


def open_container(session: AzureSession) -> Any:
    """Return the storage SDK's client of the container of the workspace's default datastore.

    It retries what may be retried four times within about a minute.
    """
    from azure.storage.blob import ContainerClient, ExponentialRetry

    store = session.workspace.get_default_datastore()
    return ContainerClient(
        f"{store.protocol}://{store.account_name}.blob.{store.endpoint}",
        store.container_name,
        credential=session.credential,
        retry_policy=ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=4),
        connection_timeout=20,
        read_timeout=60,
    )
