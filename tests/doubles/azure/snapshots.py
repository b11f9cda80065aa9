"""The content service: snapshots of source folders, whose files are blobs."""

import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doubles.azure.names import API, WORKSPACE_ID
from doubles.azure.routing import Request, Response, make_error

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

BASE = re.escape(f"{API}/content/v2.0{WORKSPACE_ID}/snapshots")
NONE = "00000000-0000-0000-0000-000000000000"


class Snapshots:
    """Snapshots by id: the blob of each file by its path."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, str]] = {}

    def install(self, azure: "Azure") -> None:
        self._azure = azure
        azure.route("GET", rf"{API}/.*/snapshots/latest/metadata")(self._get_latest)
        azure.route("POST", rf"{BASE}/getblob")(self._locate)
        azure.route("POST", rf"{BASE}/(?P<id>[0-9a-f-]{{36}})")(self._create)

    def unpack(self, snapshot: str, folder: Path) -> None:
        """Write the files of a snapshot, as a compute does."""
        for name, blob in self.files[snapshot].items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._azure.blobs.read(blob))

    def _get_latest(self, request: Request) -> Response:
        root = {"name": "", "hash": "", "type": "Directory", "children": {}, "timestamp": "2026-11-22T09:00:00"}
        return Response(body={"id": NONE, "root": root})

    def _locate(self, request: Request) -> Response:
        """Return an address for each file to upload."""
        upload = uuid.uuid4().hex
        names = request.json["FileNames"]
        nodes = [
            {"fullName": name, "blobUri": self._azure.blobs.locate(f"snapshots/{upload}/{name}")} for name in names
        ]
        return Response(body={"fileNodes": nodes})

    def _create(self, request: Request) -> Response:
        """Create a snapshot from the uploaded files and those of its parent that are still in its tree."""
        given = request.json
        uploaded = {
            node["FullName"]: node["BlobUri"].split("?")[0].split(f"/{self._azure.blobs.container}/")[1]
            for node in given["FileRevisionList"]["FileNodes"]
        }
        known = {**self.files.get(given["ParentSnapshotId"], {}), **uploaded}
        names = _list_files(given["DirTreeNode"])
        if missing := [name for name in names if name not in known]:
            return make_error(400, "UserError", f"files of the snapshot were not uploaded: {missing[:3]}")
        self.files[request["id"]] = {name: known[name] for name in names}
        return Response(body={"id": request["id"]})


def _list_files(node: dict[str, Any], folder: str = "") -> list[str]:
    """Return the paths of a tree's files."""
    children = node["children"]
    nodes = children.values() if isinstance(children, dict) else children
    found: list[str] = []
    for child in nodes:
        path = f"{folder}{child['name']}"
        found += _list_files(child, f"{path}/") if str(child["type"]) in ("Directory", "dir", "1") else [path]
    return found
