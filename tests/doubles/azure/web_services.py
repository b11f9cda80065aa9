"""Web services: deployed as asked, and really served.

Each service has an address of its own. Behind it, a front checks the keys like Azure's front, and passes requests to
Azure's inference server, which runs on the files that were sent. On Kubernetes the previous server answers until the
new one is ready. On Container Instances the previous server ends first.
"""

import itertools
import re
import secrets
import shutil
import tempfile
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from doubles.azure.inference import InferenceServer
from doubles.azure.names import API, WORKSPACE, WORKSPACE_ID
from doubles.azure.operations import refuse
from doubles.azure.routing import Request, Response

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

BASE = re.escape(f"{API}/modelmanagement/v1.0{WORKSPACE_ID}")
NAME = re.compile("[a-z]([-a-z0-9]*[a-z0-9])?")
STEP_SECONDS = 3.0  # time limit for a request for an operation's state; the SDK sends one every five seconds
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "content-length", "date", "server"}
PROBE = {"periodSeconds": 10, "initialDelaySeconds": 310, "timeoutSeconds": 1, "failureThreshold": 3}
UNKNOWN = dict.fromkeys(("createdBy", "description", "experimentName", "framework", "frameworkVersion", "runId"))
LIMITS = {"cpu": None, "cpuLimit": None, "memoryInGB": None, "memoryInGBLimit": None, "gpu": None}


@dataclass
class WebService:
    """A service: `asked` is the request that created it, with all later changes; `serving` is the server."""

    asked: dict[str, Any]
    front: "Front"
    keys: tuple[str, str]
    created: str
    state: str = "Transitioning"
    error: dict[str, Any] | None = None
    serving: InferenceServer | None = None
    starting: InferenceServer | None = None
    log: str = ""


class WebServices:
    """The services by name.

    `clusters` are the Kubernetes clusters, `quota` is how many services there may be, `deadline` how many seconds a
    container may take before Azure gives it up.
    """

    def __init__(self) -> None:
        self.services: dict[str, WebService] = {}
        self.clusters = {"aks"}
        self.quota = 100
        self.deadline = 20.0
        self._numbers = itertools.count(1)
        self._folder = Path(tempfile.mkdtemp(prefix="azure-services-"))

    def install(self, azure: "Azure") -> None:
        self._azure = azure
        azure.route("POST", rf"{BASE}/services/validate/name/(?P<name>[^/]+)")(self._validate_name)
        azure.route("POST", rf"{BASE}/services/validate/resource")(self._validate_resource)
        azure.route("POST", rf"{BASE}/services/validate")(lambda request: Response(body={}))
        azure.route("POST", rf"{BASE}/services")(self._create)
        azure.route("GET", rf"{BASE}/services")(self._list)
        azure.route("GET", rf"{BASE}/services/(?P<name>[^/]+)")(self._get)
        azure.route("PATCH", rf"{BASE}/services/(?P<name>[^/]+)")(self._patch)
        azure.route("DELETE", rf"{BASE}/services/(?P<name>[^/]+)")(self._delete)
        azure.route("GET", rf"{BASE}/services/(?P<name>[^/]+)/logs")(self._get_logs)
        azure.route("POST", rf"{BASE}/services/(?P<name>[^/]+)/listkeys")(self._list_keys)
        azure.route("POST", rf"{BASE}/services/(?P<name>[^/]+)/regenerateKeys")(self._regenerate_key)

    def close(self) -> None:
        """End all services."""
        for name in list(self.services):
            self._end(name)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _validate_name(self, request: Request) -> Response:
        name = request["name"]
        if name in self.services:
            return Response(body={"error": {"code": "Conflict", "message": f"Service {name} already exists."}})
        return Response(body={})

    def _validate_resource(self, request: Request) -> Response:
        if len(self.services) >= self.quota:
            message = "Resource type container group quota exceeded in region westeurope."
            return Response(body={"error": {"code": "QuotaExceeded", "message": message}})
        return Response(body={})

    def _create(self, request: Request) -> Response:
        asked = request.json
        name = asked["name"]
        if not NAME.fullmatch(name) or not 3 <= len(name) <= 32:
            return refuse(400, f"{name!r} cannot name a service")
        if name in self.services and not asked.get("overwrite"):
            return refuse(409, f"Service {name} already exists.", "Conflict")
        if wrong := self._check(asked):
            return refuse(400, wrong)
        if name not in self.services:
            front = Front(f"/api/v1/service/{name}" if asked["computeType"] == "AKS" else "")
            keys = (secrets.token_urlsafe(24), secrets.token_urlsafe(24))
            self.services[name] = WebService(asked, front, keys, _stamp())
            front.keys = keys
        self.services[name].asked = asked
        return self._deploy(name)

    def _check(self, asked: dict[str, Any]) -> str:
        """Return the reason for which Azure would refuse a request immediately."""
        if asked["computeType"] not in ("ACI", "AKS"):
            return f"no compute {asked['computeType']}"
        if asked["computeType"] == "AKS" and asked.get("computeName") not in self.clusters:
            return f"Compute with name {asked.get('computeName')} not found in workspace {WORKSPACE}."
        if asked["computeType"] == "ACI" and not asked["containerResourceRequirements"].get("cpu"):
            return "containerResourceRequirements are missing"
        wrong: str = self._azure.packages.check_image_request(asked["environmentImageRequest"])
        return wrong

    def _get(self, request: Request) -> Response:
        if request["name"] not in self.services:
            return refuse(404, f"no service {request['name']}", "WebserviceNotFound")
        service = self.services[request["name"]]
        if service.starting:
            self._progress(service, 0.1)
        return Response(body=self._describe(request["name"]))

    def _list(self, request: Request) -> Response:
        """List services; `tags` is "key=value", several with commas between them."""
        wanted = dict(tag.split("=", 1) for tag in request.query.get("tags", "").split(",") if tag)
        tagged = [
            name for name, one in self.services.items() if wanted.items() <= (one.asked.get("kvTags") or {}).items()
        ]
        for name in tagged:
            if self.services[name].starting:
                self._progress(self.services[name], 0.1)
        return Response(body={"value": [self._describe(name) for name in tagged]})

    def _patch(self, request: Request) -> Response:
        service = self.services.get(request["name"])
        if service is None:
            return refuse(404, f"no service {request['name']}", "WebserviceNotFound")
        if service.state == "Transitioning":
            return refuse(409, "Another operation is in progress on the service.", "Conflict")
        changed = dict(service.asked)
        for change in request.json:
            _apply(changed, change["op"], change["path"].strip("/").split("/"), change["value"])
        if wrong := self._check(changed):
            return refuse(400, wrong)
        service.asked = changed
        return self._deploy(request["name"])

    def _delete(self, request: Request) -> Response:
        if request["name"] not in self.services:
            return Response(204)
        self._end(request["name"])
        return Response(200)

    def _get_logs(self, request: Request) -> Response:
        service = self.services.get(request["name"])
        if service is None:
            return refuse(404, f"no service {request['name']}", "WebserviceNotFound")
        lines = _read_log(service).splitlines()[-int(request.query["tail"]) :]
        return Response(body={"content": "\n".join(lines)})

    def _list_keys(self, request: Request) -> Response:
        service = self.services.get(request["name"])
        if service is None:
            return refuse(404, f"no service {request['name']}", "WebserviceNotFound")
        return Response(body=dict(zip(("primaryKey", "secondaryKey"), service.keys, strict=True)))

    def _regenerate_key(self, request: Request) -> Response:
        service = self.services.get(request["name"])
        if service is None:
            return refuse(404, f"no service {request['name']}", "WebserviceNotFound")
        new = request.json.get("keyValue") or secrets.token_urlsafe(24)
        first, second = service.keys
        service.keys = (new, second) if request.json["keyType"] == "Primary" else (first, new)
        service.front.keys = service.keys
        return self._azure.operations.start(lambda: {"operationType": "Service", "state": "Succeeded"})

    def _deploy(self, name: str) -> Response:
        """Start the requested service, and report its progress as an operation."""
        service = self.services[name]
        service.state, service.error, service.log = "Transitioning", None, ""
        wanted = service.asked["environmentImageRequest"]
        image = wanted["environment"]["docker"]["baseImage"]
        if not self._azure.container_registry.has(image):
            error = {"code": "ImagePullFailed", "message": f"Failed to pull image {image}: manifest unknown."}
            return self._azure.operations.start(lambda: self._fail(service, error))
        if service.asked["computeType"] == "ACI" and service.serving:
            service.serving.stop()
            service.serving = service.front.target = None
        root = self._folder / f"{name}-{next(self._numbers)}"
        root.mkdir(parents=True)
        self._azure.packages.write_app(self._azure.packages.built[image], root)
        self._azure.packages.write_app(wanted, root)
        service.starting = InferenceServer(root, self._make_environ(service.asked, root))
        return self._azure.operations.start(lambda: self._progress(service))

    def _make_environ(self, asked: dict[str, Any], root: Path) -> dict[str, str]:
        """Return the variables of the container."""
        environ = dict(asked["environmentImageRequest"]["environment"]["environmentVariables"])
        collected = (asked.get("dataCollection") or {}).get("storageEnabled", False)
        environ["AML_MODEL_DC_STORAGE_ENABLED"] = str(collected).lower()
        if collected:
            azurite = self._azure.blobs.azurite
            azurite.make_container("modeldata")
            environ["AML_MODEL_DC_STORAGE"] = azurite.connection_string
        environ["SERVICE_NAME"] = asked["name"]
        environ["AZUREML_MODEL_DIR"] = str(root / "azureml-models")
        (root / "tmp").mkdir()
        return {**environ, "TMPDIR": str(root / "tmp")}

    def _progress(self, service: WebService, seconds: float = STEP_SECONDS) -> dict[str, Any]:
        """Wait up to `seconds` for a starting service to be ready, and return its progress."""
        starting = service.starting
        if starting is None:  # another request has seen it, or it was deleted
            ended = {"Healthy": "Succeeded", "Failed": "Failed"}.get(service.state, "Cancelled")
            return {"operationType": "Service", "state": ended, "error": service.error}
        if starting.wait(seconds):
            if service.serving:
                service.serving.stop()
            service.serving, service.starting, service.state = starting, None, "Healthy"
            service.front.target = starting.url
            return {"operationType": "Service", "state": "Succeeded"}
        late = time.monotonic() - starting.started > self.deadline
        if not starting.ended and not late:
            return {"operationType": "Service", "state": "Running"}
        starting.stop()
        said = "did not become ready in time" if late else "crashed"
        details = {"code": "CrashLoopBackOff", "message": f"Your container application {said}."}
        error = {"code": "KubernetesDeploymentFailed", "statusCode": 400, "message": "Kubernetes Deployment failed"}
        return self._fail(service, {**error, "details": [details]})

    def _fail(self, service: WebService, error: dict[str, Any]) -> dict[str, Any]:
        service.log = _read_log(service)
        service.starting = None
        service.state, service.error = "Failed", error
        details = {"subOperationType": "DeployService"}
        return {"operationType": "Service", "state": "Failed", "error": error, "operationDetails": details}

    def _end(self, name: str) -> None:
        service = self.services.pop(name)
        service.front.close()
        for server in filter(None, (service.serving, service.starting)):
            server.stop()
        service.starting = None

    def _describe(self, name: str) -> dict[str, Any]:
        service = self.services[name]
        asked = service.asked
        kubernetes = asked["computeType"] == "AKS"
        about = {
            "id": name,
            "createdTime": service.created,
            "updatedTime": service.created,
            "state": service.state,
            "scoringUri": service.front.url + "/score",
            "publicIp": "127.0.0.1",
            "location": "westeurope",
            "cname": None,
            "sslEnabled": False,
            "sslCertificate": None,
            "sslKey": None,
            "appInsightsEnabled": False,
            "authEnabled": kubernetes,  # Azure's defaults
            "aadAuthEnabled": False,
            "models": [
                {**UNKNOWN, **self._azure.models.models[each]} for each in asked["environmentImageRequest"]["modelIds"]
            ],
        }
        if kubernetes:
            about |= {"autoScaler": None, "dataCollection": None, "livenessProbeRequirements": None}
            about |= dict.fromkeys(("maxConcurrentRequestsPerContainer", "maxQueueWaitMs", "numReplicas"))
        known = {key: value for key, value in asked.items() if value is not None}
        requirements = {**LIMITS, **asked["containerResourceRequirements"]}
        whole = {"description": None, "kvTags": {}, "properties": {}, "scoringTimeoutMs": None, **about, **known}
        whole["containerResourceRequirements"] = requirements
        whole["livenessProbeRequirements"] = None
        return whole | ({"error": service.error} if service.error else {})


class Front:
    """The front of a service: its address and its keys."""

    def __init__(self, prefix: str) -> None:
        self.keys: tuple[str, ...] = ()
        self.target: str | None = None
        self._prefix = prefix
        outer = self

        class Handler(_Handler):
            front = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """The address without the path of a request."""
        return f"http://127.0.0.1:{self._server.server_port}{self._prefix}"

    def locate(self, path: str) -> str | None:
        """Return the server for a path; None if the path is not this service's, or if nothing serves."""
        ours = urlsplit(path).path.startswith(self._prefix)
        return self.target + path.removeprefix(self._prefix) if ours and self.target else None

    def close(self) -> None:
        """End the front."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    front: Front

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or key not in self.front.keys:
            return self._send(401, {"Content-Type": "text/plain"}, b"Unauthorized")
        target = self.front.locate(self.path)
        if target is None:
            return self._send(502, {"Content-Type": "text/plain"}, b"no healthy upstream")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        answer = requests.request(self.command, target, headers=headers, data=body, timeout=30)
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        return self._send(answer.status_code, kept, answer.content)

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _apply(changed: dict[str, Any], op: str, path: list[str], value: Any) -> None:
    """Apply one change of a JSON patch; properties are only ever added."""
    if op != ("add" if path[0] == "properties" else "replace"):
        raise ValueError(f"cannot {op} {path}")
    *parents, last = path
    for name in parents:
        changed[name] = dict(changed.get(name) or {})
        changed = changed[name]
    changed[last] = value


def _read_log(service: WebService) -> str:
    server = service.starting or service.serving
    return service.log or (server.log if server else "")


def _stamp() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.0000000+00:00", time.gmtime())
