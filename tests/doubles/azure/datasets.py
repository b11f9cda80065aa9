"""Data sets: registered names with versions, each of which is a dataflow that the service stores unchanged."""

import json
import re
from typing import TYPE_CHECKING, Any

from doubles.azure.names import API, WORKSPACE_ID
from doubles.azure.routing import Request, Response, make_error

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

TYPES = ("file", "tabular")


class Datasets:
    """Data sets by name, oldest version first."""

    def __init__(self) -> None:
        self.versions: dict[str, list[dict[str, Any]]] = {}

    def install(self, azure: "Azure") -> None:
        base = rf"{API}/dataset/v1\.0{WORKSPACE_ID}/datasets"
        azure.route("POST", rf"(?i:{base})")(self._register)
        azure.route("GET", rf"(?i:{base})/query/name=(?P<name>[^/]+)")(self._find)
        saved = rf"(?i:{API}/data/v1\.0{WORKSPACE_ID}/dataversion)"
        azure.route("GET", rf"{saved}/unregistered-(?P<saved>[^/]+)/versions/1")(self._get_dataflow)
        azure.route("GET", rf"{saved}/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")(  # a data asset of azure-ai-ml
            lambda request: make_error(404, "NotFound", f"No data asset {request['name']}")
        )

    def _register(self, request: Request) -> Response:
        asked = request.json
        name, latest = asked["name"], asked["latest"]
        if not re.fullmatch(r"[A-Za-z0-9][\w .-]*", name) or asked.get("datasetType") not in TYPES:
            return make_error(
                400, "UserError", f"no name or type of a data set: {name!r}, {asked.get('datasetType')!r}"
            )
        if "RsDataflow" not in json.loads(latest["dataflow"])["meta"]:
            return make_error(400, "UserError", "the dataflow has no RsDataflow")
        known = self.versions.setdefault(name, [])
        for number, one in enumerate(known, 1):
            if one["latest"]["dataflow"] == latest["dataflow"]:
                text = f"An identical dataset has been registered as {name}:{number} (name:version)."
                return make_error(400, "UserError", text)
        if known and request.query.get("updateDefinitionIfExists", "").lower() != "true":
            return make_error(409, "UserError", f"Dataset with name '{name}' already exists.")
        number = len(known) + 1
        made = {**latest, "versionId": str(number), "savedDatasetId": f"saved-{name}-{number}"}
        known.append({**asked, "datasetId": f"id-{name}", "latest": made})
        return Response(body=known[-1])

    def _find(self, request: Request) -> Response:
        known = self.versions.get(request["name"], [])
        asked = request.query.get("versionId", "")
        found = known[-1:] if not asked else [one for one in known if one["latest"]["versionId"] == asked]
        if not found:
            return make_error(404, "UserError", f"No dataset {request['name']} of version {asked or 'latest'}.")
        return Response(body=found[0])

    def _get_dataflow(self, request: Request) -> Response:
        for one in (version["latest"] for versions in self.versions.values() for version in versions):
            if one["savedDatasetId"] == request["saved"]:
                return Response(body={"legacyDataflow": json.loads(one["dataflow"])["meta"]["RsDataflow"]})
        return make_error(404, "NotFound", f"No saved dataset {request['saved']}")
