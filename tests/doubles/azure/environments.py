"""The environment service: definitions by name and version. The same content never gets two versions."""

import re
from typing import TYPE_CHECKING, Any

from doubles.azure.names import API, WORKSPACE_ID
from doubles.azure.routing import Request, Response, make_error

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

BASE = re.escape(f"{API}/environment/v1.0{WORKSPACE_ID}/environments")
RESERVED = ("AzureML", "Microsoft")


class Environments:
    """The registered environments: the versions of each name, oldest first."""

    def __init__(self) -> None:
        self.versions: dict[str, list[dict[str, Any]]] = {}

    def install(self, azure: "Azure") -> None:
        azure.route("GET", rf"{BASE}/(?P<name>[^/]+)")(self._get_newest)
        azure.route("GET", rf"{BASE}/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")(self._get)
        azure.route("PUT", rf"{BASE}/(?P<name>[^/]+)")(self._register)

    def _get_newest(self, request: Request) -> Response:
        known = self.versions.get(request["name"])
        return Response(body=known[-1]) if known else _refuse(request["name"])

    def _get(self, request: Request) -> Response:
        known = self.versions.get(request["name"], [])
        found = next((one for one in known if one["version"] == request["version"]), None)
        return Response(body=found) if found else _refuse(request["name"])

    def _register(self, request: Request) -> Response:
        name, given = request["name"], request.json
        if name != given["Name"] or name.startswith(RESERVED):
            return make_error(400, "UserError", f"{name!r} is no name for an environment")
        known = self.versions.setdefault(name, [])
        made = {
            "name": name,
            "python": given["python"],
            "environmentVariables": given["EnvironmentVariables"],
            "docker": given["Docker"],
            "spark": given["Spark"],
            "inferencingStackVersion": given.get("InferencingStackVersion"),
        }
        if not known or {**known[-1], "version": ""} != {**made, "version": ""}:
            known.append({**made, "version": str(len(known) + 1)})
        return Response(body=known[-1])


def _refuse(name: str) -> Response:
    return make_error(404, "EnvironmentNotFound", f"there is no environment {name!r}")
