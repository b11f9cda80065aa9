"""The comparisons of new models with each champion, stored as blobs in the workspace's default container."""

import json
from dataclasses import asdict

from mlops.backends.azure.connection.container import open_container
from mlops.backends.azure.connection.session import AzureSession
from mlops.files.records import decode_record
from mlops.platform.models import LOOKS_DAMAGED, Looks


def read_looks(session: AzureSession, name: str) -> Looks:
    """Return the recorded comparisons with each champion of the model `name`; empty if there are none yet."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        content = open_container(session).download_blob(_locate(name)).readall()
    except ResourceNotFoundError:
        return Looks()
    return decode_record(content, Looks, f"The blob {_locate(name)}", LOOKS_DAMAGED)


def write_looks(session: AzureSession, name: str, looks: Looks) -> None:
    """Store the comparisons. The caller must hold the lock of the model."""
    open_container(session).upload_blob(_locate(name), json.dumps(asdict(looks)).encode(), overwrite=True)


def _locate(name: str) -> str:
    return f"mlops/looks/{name}.json"
