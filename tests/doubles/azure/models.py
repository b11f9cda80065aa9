"""The model registry: assets, which refer to files, and models, whose versions refer to an asset.

A change of a model's tags replaces all of them. The SDK does not say which tags it has read, so the last writer wins.
"""

import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from doubles.azure.names import API, WORKSPACE_ID
from doubles.azure.routing import Drop, Request, Response

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

BASE = re.escape(f"{API}/modelmanagement/v1.0{WORKSPACE_ID}")
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-\._]{0,254}")
ASSET = "aml://asset/"
MOST = 255  # number of models per page


class Models:
    """Models and their versions.

    Parameters of tests: `after_change` is called after each change of a model; `drop_answers` is how many
    registrations are carried out without an answer.
    """

    def __init__(self) -> None:
        self.assets: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.after_change: Callable[[dict[str, Any]], None] = lambda model: None
        self.drop_answers = 0
        self._last: dict[str, int] = {}

    def install(self, azure: "Azure") -> None:
        self._azure = azure
        azure.route("POST", rf"{BASE}/assets")(self._create_asset)
        azure.route("GET", rf"{BASE}/assets/(?P<id>[^/]+)")(self._get_asset)
        azure.route("POST", rf"{BASE}/models")(self._register)
        azure.route("GET", rf"{BASE}/models")(self._list)
        azure.route("GET", rf"{BASE}/models/(?P<id>[^/]+)")(self._get)
        azure.route("PATCH", rf"{BASE}/models/(?P<id>[^/]+)")(self._patch)
        azure.route("DELETE", rf"{BASE}/models/(?P<id>[^/]+)")(self._delete)

    def _create_asset(self, request: Request) -> Response:
        given = request.json
        prefixes = [artifact.get("prefix") or artifact.get("id") for artifact in given.get("artifacts") or []]
        if not given.get("name") or not prefixes:
            return _refuse(400, "an asset needs a name and artifacts")
        if missing := [prefix for prefix in prefixes if not self._azure.artifacts.has_prefix(prefix)]:
            return _refuse(400, f"there are no artifacts {missing}")
        asset = {**given, "id": uuid.uuid4().hex, "createdTime": "2026-11-22T09:00:00Z"}
        self.assets[asset["id"]] = asset
        return Response(body=asset)

    def _get_asset(self, request: Request) -> Response:
        asset = self.assets.get(request["id"])
        return Response(body=asset) if asset else _refuse(404, f"no asset {request['id']}")

    def _register(self, request: Request) -> Response:
        given = request.json
        if not NAME.fullmatch(given["name"]) or not given.get("mimeType") or given.get("version") or given.get("id"):
            return _refuse(400, "a model needs a valid name and a MIME type, and gets its version and id from us")
        if not given["url"].startswith(ASSET) or given["url"].removeprefix(ASSET) not in self.assets:
            return _refuse(400, f"the asset {given['url']!r} is not there")
        if given.get("runId") and given["runId"] not in self._azure.history.runs:
            return _refuse(400, f"there is no run {given['runId']!r}")
        version = self._last[given["name"]] = self._last.get(given["name"], 0) + 1
        model = {"kvTags": {}, "properties": {}, "datasets": [], "unpack": False}
        model |= {name: value for name, value in given.items() if value is not None}
        model |= {"id": f"{given['name']}:{version}", "version": version, "createdTime": "2026-11-22T09:00:00Z"}
        self.models[model["id"]] = model
        if self.drop_answers:
            self.drop_answers -= 1
            raise Drop
        return Response(body=model)

    def _list(self, request: Request) -> Response:
        """Answer with a page of the requested models, newest first."""
        query = request.query
        if unknown := query.keys() - {"name", "runId", "tags", "count", "latestVersionOnly", "$skipToken"}:
            return _refuse(400, f"cannot ask for {sorted(unknown)}")
        found = [model for model in self.models.values() if _meets(model, query)]
        found.sort(key=lambda model: (model["name"], -model["version"]))
        if query.get("latestVersionOnly", "").lower() == "true":
            found = [model for model in found if model["version"] == self._last[model["name"]]]
        start, size = int(query.get("$skipToken", 0)), min(int(query.get("count", MOST)), MOST)
        link = f"https://{API}{request.path}?{urlencode({**query, '$skipToken': start + size})}"
        more = {"nextLink": link} if start + size < len(found) else {}
        return Response(body={"value": found[start : start + size], **more})

    def _get(self, request: Request) -> Response:
        model = self.models.get(request["id"])
        return Response(body=model) if model else _refuse(404, f"no model {request['id']}")

    def _patch(self, request: Request) -> Response:
        model = self.models.get(request["id"])
        if model is None:
            return _refuse(404, f"no model {request['id']}")
        changed = dict(model)
        for change in request.json:
            field, value = change["path"].removeprefix("/"), change["value"]
            if (change["op"], field) == ("replace", "kvTags"):
                changed["kvTags"] = value
            elif (change["op"], field) == ("add", "properties") and value.items() >= model["properties"].items():
                changed["properties"] = value
            elif (change["op"], field) == ("replace", "description"):
                changed["description"] = value
            else:
                return _refuse(400, f"cannot {change['op']} {change['path']}, or a property would change")
        model.update(changed)
        self.after_change(model)
        return Response(body=model)

    def _delete(self, request: Request) -> Response:
        if self.models.pop(request["id"], None) is None:
            return _refuse(404, f"no model {request['id']}")
        return Response()


def _meets(model: dict[str, Any], query: dict[str, str]) -> bool:
    if "name" in query and model["name"] != query["name"]:
        return False
    if "runId" in query and model.get("runId") != query["runId"]:
        return False
    for condition in filter(None, query.get("tags", "").split(",")):
        key, equal, value = condition.partition("=")
        if key not in model["kvTags"] or (equal and model["kvTags"][key] != value):
            return False
    return True


def _refuse(status: int, message: str) -> Response:
    """Return an error in the format of this service."""
    details = [{"code": "Refused", "message": message}]
    body = {"code": "BadRequest", "statusCode": status, "message": message, "details": details}
    return Response(status, {**body, "correlation": {"RequestId": uuid.uuid4().hex}})
