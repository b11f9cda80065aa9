"""Long operations of Model Management, which create packages and web services."""

import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from doubles.azure.names import API, WORKSPACE_ID
from doubles.azure.routing import Request, Response

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

BASE = re.escape(f"{API}/modelmanagement/v1.0{WORKSPACE_ID}")
ENDED = ("Succeeded", "Failed", "Cancelled", "TimedOut")
Progress = Callable[[], dict[str, Any]]


class Operations:
    """Operations by id, each of which reports its progress on request."""

    def __init__(self) -> None:
        self._progress: dict[str, Progress] = {}
        self._ended: dict[str, dict[str, Any]] = {}

    def install(self, azure: "Azure") -> None:
        azure.route("GET", rf"{BASE}/operations/(?P<id>[^/]+)")(self._get)

    def start(self, progress: Progress) -> Response:
        """Begin an operation, and answer with its address; `progress` returns its fields, including ``state``."""
        identity = uuid.uuid4().hex
        self._progress[identity] = progress
        return Response(202, None, {"Operation-Location": f"/operations/{identity}"})

    def _get(self, request: Request) -> Response:
        identity = request["id"]
        if identity not in self._progress:
            return refuse(404, f"no operation {identity}")
        found = self._ended.get(identity) or self._progress[identity]()
        if found["state"] in ENDED:
            self._ended[identity] = found
        return Response(body={"id": identity, "operationLog": "", **found})


def refuse(status: int, message: str, code: str = "BadRequest") -> Response:
    """Return an error in the format of Model Management."""
    details = [{"code": code, "message": message}]
    body = {"code": code, "statusCode": status, "message": message, "details": details}
    return Response(status, {**body, "correlation": {"RequestId": uuid.uuid4().hex}})
