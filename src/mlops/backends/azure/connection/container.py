"""Clients for containers and blobs in Azure Storage."""

from typing import TYPE_CHECKING, Any

from mlops.backends.azure.connection.session import CONNECT_SECONDS, READ_SECONDS, AzureSession

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, ContainerClient

RETRIES = 4  # four retries take about a minute altogether


def open_container(session: AzureSession) -> "ContainerClient":
    """Return the storage SDK's client for the container of the workspace's default datastore."""
    from azure.storage.blob import ContainerClient

    store = session.workspace.get_default_datastore()
    account = f"{store.protocol}://{store.account_name}.blob.{store.endpoint}"
    return ContainerClient(account, store.container_name, **_make_options(session))


def open_blob(session: AzureSession, account: str, container: str, path: str) -> "BlobClient":
    """Return the storage SDK's client for a blob.

    `account` is a URL such as "https://ACCOUNT.blob.core.windows.net".
    """
    from azure.storage.blob import BlobClient

    return BlobClient(account, container, path, **_make_options(session))


def _make_options(session: AzureSession) -> dict[str, Any]:
    from azure.storage.blob import ExponentialRetry

    first = session.settings.retry_seconds
    retry = ExponentialRetry(
        initial_backoff=first, increment_base=2 * first, random_jitter_range=3 * first, retry_total=RETRIES
    )
    return {
        "credential": session.credential,
        "retry_policy": retry,
        "connection_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
    }
