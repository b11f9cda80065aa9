"""The output of runs, and the addresses under which run history offers it."""

import re
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from doubles.azure.names import API, WORKSPACE_ID
from doubles.azure.routing import Request, Response, make_error

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

HISTORY = re.escape(f"{API}/history/v1.0{WORKSPACE_ID}")


class Logs:
    """The logs of steps: growing files with signed addresses."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="azure-logs-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def install(self, azure: "Azure") -> None:
        self._azure = azure
        azure.route("GET", rf"{HISTORY}/experiments/[^/]+/runs/(?P<run>[^/:]+)/details")(self._describe)
        azure.route("GET", rf"{HISTORY}/experimentids/[^/]+/runs/(?P<run>[^/:]+)/details")(self._describe)
        azure.route("GET", rf"{API}/logs/(?P<run>[^/]+)/(?P<name>.+)")(self._read)

    def open(self, run_id: str, name: str) -> Path:
        """Return the file for the output of a run."""
        path = self._folder / run_id / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return path

    def read(self, run_id: str) -> str:
        """Return the output of a run."""
        return "".join(path.read_text() for path in sorted((self._folder / run_id).rglob("*.txt")))

    def _describe(self, request: Request) -> Response:
        run = self._azure.history.runs.get(request["run"])
        if run is None:
            return make_error(404, "UserError", f"Run {request['run']} was not found")
        folder = self._folder / run["runId"]
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*.txt")]
        files = {name: f"https://{API}/logs/{run['runId']}/{name}?sig=signed" for name in names}
        kept = ("runId", "status", "startTimeUtc", "endTimeUtc", "properties", "tags", "parentRunId")
        return Response(body={**{name: run.get(name) for name in kept}, "logFiles": files})

    def _read(self, request: Request) -> Response:
        path = self._folder / request["run"] / request["name"]
        if not path.is_file() or "sig=" not in request.target:
            return make_error(404, "BlobNotFound", "there is no such log")
        return Response(body=path.read_bytes(), headers={"Content-Type": "text/plain"})
