"""The artifact service: the files of runs and uploads, with signed addresses of their contents in Blob Storage."""

import re
from typing import TYPE_CHECKING, Any

from doubles.azure.names import API, WORKSPACE_ID
from doubles.azure.routing import Request, Response, make_error

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

BASE = re.escape(f"{API}/artifact/v2.0{WORKSPACE_ID}/artifacts")
PLACE = r"(?P<origin>[^/]+)/(?P<container>[^/]+)"
ORIGINS = ("ExperimentRun", "LocalUpload")
MOST_PATHS = 50  # the number of files per request in the SDK's batches
LONGEST_PATH = 5000


class Artifacts:
    """The known files by origin and container. The content of each file is in a blob of the same name."""

    def __init__(self) -> None:
        self.paths: dict[tuple[str, str], list[str]] = {}

    def install(self, azure: "Azure") -> None:
        self._azure = azure
        azure.route("POST", rf"{BASE}/batch/metadata/{PLACE}")(self._create)
        azure.route("GET", rf"{BASE}/prefix/contentinfo/{PLACE}/(?P<path>.+)")(self._find_prefix)
        azure.route("GET", rf"{BASE}/contentinfo/{PLACE}/(?P<path>.+)")(self._find)
        azure.route("GET", rf"{BASE}/{PLACE}")(self._list)

    def has_prefix(self, prefix: str) -> bool:
        """Whether there is a file below ``<origin>/<container>/<path>``."""
        origin, container, path = prefix.split("/", 2)
        return any(name.startswith(path) for name in self.paths.get((origin, container), ()))

    def add(self, origin: str, container: str, path: str) -> dict[str, Any]:
        """Register a file, and return the address for its content."""
        known = self.paths.setdefault((origin, container), [])
        if path not in known:
            known.append(path)
        return self._locate(origin, container, path)

    def _locate(self, origin: str, container: str, path: str) -> dict[str, Any]:
        url = self._azure.blobs.locate(f"{origin}/{container}/{path}")
        return {"contentUri": url, "origin": origin, "container": container, "path": path}

    def _create(self, request: Request) -> Response:
        origin, container = request["origin"], request["container"]
        paths = [given["path"] for given in request.json["paths"]]
        if origin not in ORIGINS or len(paths) > MOST_PATHS or any(len(path) > LONGEST_PATH for path in paths):
            return make_error(400, "UserError", f"{len(paths)} artifacts of {origin!r} cannot be made")
        if origin == "ExperimentRun" and container not in self._azure.history.containers:
            return make_error(404, "UserError", f"there is no data container {container!r}")
        named = {"origin": origin, "container": container}
        return Response(
            body={
                "artifacts": {
                    path: {**named, "path": path, "artifactId": f"{origin}/{container}/{path}"} for path in paths
                },
                "artifactContentInformation": {path: self.add(origin, container, path) for path in paths},
                "errors": {},
            }
        )

    def _find(self, request: Request) -> Response:
        place, path = (request["origin"], request["container"]), request["path"]
        if path not in self.paths.get(place, ()):
            return make_error(404, "UserError", f"there is no artifact {path!r} in {'/'.join(place)}")
        return Response(body=self._locate(*place, path))

    def _find_prefix(self, request: Request) -> Response:
        place, prefix = (request["origin"], request["container"]), request["path"].rstrip("/")
        found = [path for path in self.paths.get(place, ()) if path.startswith(prefix)]
        return Response(body={"value": [self._locate(*place, path) for path in found]})

    def _list(self, request: Request) -> Response:
        place = request["origin"], request["container"]
        named = {"origin": place[0], "container": place[1]}
        return Response(body={"value": [{**named, "path": path} for path in self.paths.get(place, ())]})
