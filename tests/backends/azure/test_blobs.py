"""Blob Storage with the SDKs that the platform uses, on Azurite."""

import subprocess
import sys

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobClient
from doubles.azure.azure import Azure
from doubles.azure.blobs import HOST
from doubles.azure.names import ACCOUNT

pytestmark = pytest.mark.slow


ADLFS = """
import sys
import fsspec
with fsspec.open(sys.argv[1], "wb", anon=False) as file:
    file.write(b"a,b\\n1,2\\n")
with fsspec.open(sys.argv[1], "rb", anon=False) as file:
    assert file.read() == b"a,b\\n1,2\\n"
"""


def test_adlfs_reads_and_writes_by_token(azure: Azure) -> None:
    """Run in a separate process, because aiohttp reads the certificates when it is imported."""
    azure.blobs.list_names()
    url = f"abfs://{azure.blobs.container}@{ACCOUNT}.dfs.core.windows.net/data/some.csv"
    subprocess.run([sys.executable, "-c", ADLFS, url], check=True, timeout=60)
    assert azure.blobs.read("data/some.csv") == b"a,b\n1,2\n"


def test_a_lease_keeps_others_out(azure: Azure) -> None:
    azure.blobs.list_names()
    client = BlobClient(f"https://{HOST}", azure.blobs.container, "lock", credential=DefaultAzureCredential())
    client.upload_blob(b"")
    lease = client.acquire_lease(15)
    with pytest.raises(ResourceExistsError, match="^There is already a lease present"):
        client.acquire_lease(15)
    lease.release()
    client.acquire_lease(15).release()
