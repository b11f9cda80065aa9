"""The registered data set, as the address that notebooks read it by."""

from mlops.backends.azure.session import AzureSession


def locate_data(session: AzureSession, version: str) -> str:
    """Return the address of a file of the workspace's default datastore: the data set in a version, or the latest."""
    store = session.workspace.get_default_datastore()
    return f"abfs://{store.container_name}@{store.account_name}.dfs.core.windows.net/{session.settings.dataset_path}"
