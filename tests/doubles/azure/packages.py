"""Packages: images that Azure builds from models, an entry script and an environment, and pushes to the registry."""

import io
import json
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doubles.azure.container_registry import HOST
from doubles.azure.names import API, WORKSPACE_ID
from doubles.azure.operations import refuse
from doubles.azure.routing import Request, Response

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

BASE = re.escape(f"{API}/modelmanagement/v1.0{WORKSPACE_ID}")
REPOSITORY = re.compile("[a-z0-9]+([._-]+[a-z0-9]+)*")
LABEL = re.compile(r"\w[\w.-]{0,127}")
PIN = re.compile(r"[\w.-]+==[\w.+!-]+")
ARTIFACT = "aml://artifact/"
LOG = "azureml-logs/package-{}.txt"


class Packages:
    """The requests of built images, by reference; `break_next` makes builds fail with this last line in the log."""

    def __init__(self) -> None:
        self.built: dict[str, dict[str, Any]] = {}
        self.break_next: list[str] = []

    def install(self, azure: "Azure") -> None:
        self._azure = azure
        azure.route("POST", rf"{BASE}/packages")(self._create)

    def write_app(self, image_request: dict[str, Any], root: Path) -> None:
        """Write the files of an image request in the layout of Azure's containers."""
        for asset in image_request["assets"]:
            content = self._azure.blobs.read(asset["url"].removeprefix(ARTIFACT))
            if asset.get("unpack"):
                with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                    archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
                    archive.extractall(root)
            else:
                (root / asset["id"]).write_bytes(content)
        for identity in image_request.get("modelIds", []):
            self._write_model(identity, root)

    def _write_model(self, identity: str, root: Path) -> None:
        model = self._azure.models.models[identity]
        asset = self._azure.models.assets[model["url"].removeprefix("aml://asset/")]
        folder = root / "azureml-models" / model["name"] / str(model["version"])
        for artifact in asset["artifacts"]:
            prefix = artifact.get("prefix") or artifact["id"]
            for name in self._azure.blobs.list_names(prefix):
                path = folder / Path(prefix).name / name.removeprefix(prefix).lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self._azure.blobs.read(name))

    def check_image_request(self, image_request: dict[str, Any]) -> str:
        """Return what is wrong with an image request, or "" if it is valid."""
        if image_request["driverProgram"] not in [asset["id"] for asset in image_request["assets"]]:
            return f"the driver program {image_request['driverProgram']!r} is not among the assets"
        for asset in image_request["assets"]:
            if not self._azure.artifacts.has_prefix(asset["url"].removeprefix(ARTIFACT)):
                return f"there is no artifact {asset['url']}"
        unknown = [name for name in image_request.get("modelIds", []) if name not in self._azure.models.models]
        return f"there are no models {unknown}" if unknown else ""

    def _create(self, request: Request) -> Response:
        asked = request.json
        name, label, environment = asked["imageName"], asked["imageLabel"], asked["imageRequest"]["environment"]
        if asked["packageType"] != "DockerImage" or not REPOSITORY.fullmatch(name) or not LABEL.fullmatch(label):
            return refuse(400, f"{name}:{label} cannot be the name of an image")
        wrong = self.check_image_request(asked["imageRequest"]) or _check_pins(environment)
        if wrong:
            return refuse(400, wrong)
        ended = self._build(name, label, asked)
        return self._azure.operations.start(lambda: ended)

    def _build(self, name: str, label: str, asked: dict[str, Any]) -> dict[str, Any]:
        lines = [f"Step 1/9 : FROM {asked['imageRequest']['environment']['docker']['baseImage']}"]
        broken = self.break_next.pop(0) if self.break_next else ""
        log = self._write_log(f"{name}-{label}", [*lines, broken or "The image was pushed."])
        about = {"operationType": "PackageDockerImage", "operationLog": log}
        if broken:
            error = {"code": "EnvironmentBuildFailed", "statusCode": 400, "message": "Failed Building the Environment."}
            return {**about, "state": "Failed", "error": error}
        digest = self._azure.container_registry.push(name, label, json.dumps(asked).encode())
        self.built[f"{HOST}/{name}@{digest}"] = asked["imageRequest"]
        return {**about, "state": "Succeeded", "resourceLocation": f"{HOST}/{name}:{label}"}

    def _write_log(self, name: str, lines: list[str]) -> str:
        self._azure.blobs.write(LOG.format(name), "\n".join(lines).encode())
        return self._azure.blobs.locate(LOG.format(name))


def _check_pins(environment: dict[str, Any]) -> str:
    """Return what is wrong with unpinned packages. Azure would accept them, but we promise that all are pinned."""
    dependencies = environment["python"]["condaDependencies"]["dependencies"]
    (pip,) = [item["pip"] for item in dependencies if isinstance(item, dict)]
    loose = [line for line in pip if not line.startswith("--") and not PIN.fullmatch(line)]
    return f"not pinned: {loose}" if loose or not any("azureml-inference-server-http" in line for line in pip) else ""
