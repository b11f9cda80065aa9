"""Blob Storage under its Azure host name: requests are passed to Azurite.

Requests with shared access signatures are passed on unchanged, so Azurite really checks them. Azurite accepts tokens
only over TLS, so the token of a request is replaced with a signature.
"""

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import requests
from doubles.azure.azurite import KEY, Azurite
from doubles.azure.names import ACCOUNT
from doubles.azure.routing import Request, Response, make_error

from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

HOST = f"{ACCOUNT}.blob.core.windows.net"
HOP_BY_HOP = {"host", "connection", "keep-alive", "transfer-encoding", "proxy-connection", "content-length"}
numbers = itertools.count(1)


class Blobs:
    """The storage account. Its `container` belongs to the workspace's default datastore, and is new for each double."""

    def __init__(self, azurite: Azurite) -> None:
        self.azurite = azurite
        self.container = f"azureml-blobstore-{next(numbers)}"
        self._session = requests.Session()
        self._session.trust_env = False
        self._made = False

    def install(self, azure: "Azure") -> None:
        for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
            azure.route(method, rf"{HOST}/.*")(self._forward)

    def sign(self) -> str:
        """Return a shared access signature that opens the account for the time of a test."""
        return generate_account_sas(
            ACCOUNT,
            KEY,
            ResourceTypes(service=True, container=True, object=True),
            AccountSasPermissions(
                read=True, write=True, delete=True, list=True, add=True, create=True, update=True, process=True
            ),
            datetime.now(UTC) + timedelta(hours=1),
        )

    def locate(self, path: str) -> str:
        """Return the address of a blob in the container, signed."""
        self._make()
        return f"https://{HOST}/{self.container}/{path}?{self.sign()}"

    def list_names(self, prefix: str = "") -> list[str]:
        """Return the names of the container's blobs."""
        self._make()
        found = self.azurite.client.get_container_client(self.container).list_blobs(name_starts_with=prefix)
        return [blob.name for blob in found]

    def read(self, name: str) -> bytes:
        """Return a blob of the container."""
        self._make()
        content: bytes = self.azurite.client.get_blob_client(self.container, name).download_blob().readall()
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write a blob of the container, as one of Azure's own services would."""
        self._make()
        self.azurite.client.get_blob_client(self.container, name).upload_blob(content, overwrite=True)

    def _make(self) -> None:
        if not self._made:
            self.azurite.make_container(self.container)
            self._made = True

    def _forward(self, request: Request) -> Response:
        self._make()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        target = request.target
        if "sig=" not in target:
            if not headers.pop("Authorization", "").startswith("Bearer "):
                return make_error(401, "NoAuthenticationInformation", "Server failed to authenticate the request.")
            target += ("&" if "?" in target else "?") + self.sign()
        url = self.azurite.url + target
        answer = self._session.request(request.method, url, headers=headers, data=request.body, stream=True)
        body = answer.raw.read(decode_content=False)
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        if request.method == "HEAD" and "Content-Length" in answer.headers:
            kept["Content-Length"] = answer.headers["Content-Length"]
        return Response(answer.status_code, body, kept)
