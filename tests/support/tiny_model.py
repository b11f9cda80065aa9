"""A model that consists of one number, in all stages: trained, registered, published as an image, deployed, called."""

import base64
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import requests

from mlops.backends import open_backend
from mlops.errors import ConflictError
from mlops.image.bundle import build_bundle
from mlops.image.sources import ImageSources
from mlops.platform.backend import Backend
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion
from mlops.platform.services import NO_PERMISSIONS, Permissions, Service
from mlops.platform.trainings import TrainingRun
from mlops.serving.metrics.bins import ColumnBins
from mlops.workspace import Workspace

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TAGS = {"data_sha256": "d1", "BuildId": "7"}
SCRIPT = """
import json, os
def init():
    global number
    number = json.load(open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.json")))["number"]
def run(data):
    if data.shape[1] != 1:
        raise ValueError(f"a row has {data.shape[1]} numbers; it needs 1")
    return data[:, 0] * 0 + number
"""
SCHEMA = b'{"format": 1, "features": [{"name": "a"}], "answer": {"kind": "number"}}'
BROKEN = "def init(): raise RuntimeError('no such table')\ndef run(data): ..."
HANGING = "import time\ndef init(): time.sleep(60)\ndef run(data): ..."
PIN = f"msgspec=={version('msgspec')}"
SERVER = ("click", "h11", "httptools", "msgspec", "numpy", "uvicorn", "uvloop")  # the packages that the service needs
PINS = tuple(f"{name}=={version(name)}" for name in SERVER)


def make_files(folder: Path, number: float) -> Path:
    """Make a folder with the files of a model."""
    files = folder / f"files-{number}"
    files.mkdir(parents=True, exist_ok=True)
    (files / "model.json").write_text(json.dumps({"number": number}))
    return files


def track(
    backend: Backend, folder: Path, number: float = 1.0, *, sweep: str = "", run: str = "", alpha: float = 0.4
) -> TrainingRun:
    """Record a training."""
    return backend.tracker.log_training(
        parameters={"alpha": alpha},
        metrics={"mse": 2.5, "r2": 0.5},
        tags={"git_commit": "abc"},
        files=make_files(folder, number),
        sweep=sweep,
        pipeline_run=run,
    )


def register(backend: Backend, folder: Path, number: float = 1.0, name: str = "tiny") -> ModelVersion:
    """Record a training, and register its model."""
    return backend.registry.register(name, track(backend, folder, number), TAGS)


def register_and_promote(platform: str, workspace: Workspace, folder: Path) -> tuple[int, bool]:
    """Register a model, and try to make it the first champion. Tests run this function in separate processes."""
    backend = open_backend(platform, workspace)
    version = register(backend, folder)
    try:
        backend.registry.promote("tiny", version.version, expected="")
    except ConflictError:
        return version.version, False
    return version.version, True


def make_bundle(
    folder: Path,
    model: ModelVersion,
    number: float,
    script: str = SCRIPT,
    pins: Sequence[str] = PINS,
    more_files: Sequence[Path] = (),
    profile: Sequence[ColumnBins] = (),
) -> Path:
    """Make the bundle of a model, whose service needs the packages in `pins`. The model can have more files."""
    (folder / "score.py").write_text(script)
    (folder / "requirements.txt").write_text("".join(f"{pin} \\\n    --hash=sha256:{'0' * 64}\n" for pin in pins))
    bundle = folder / f"bundle-{number}"
    build_bundle(
        bundle,
        ImageSources(folder, folder / "score.py", folder / "requirements.txt", (), SCHEMA),
        model_name=model.name,
        model_version=model.version,
        model_files=[make_files(folder, number) / "model.json", *more_files],
        example=[[1.0]],
        profile=profile,
    )
    return bundle


def publish(backend: Backend, folder: Path, number: float = 1.0, script: str = SCRIPT, name: str = "tiny") -> Image:
    """Register a model and publish its image."""
    model = register(backend, folder, number, name)
    return backend.images.publish(make_bundle(folder, model, number, script), model)


def deploy(
    backend: Backend,
    environment: str,
    image: Image,
    *,
    force: bool = False,
    seconds: float = 30,
    allowed: Permissions = NO_PERMISSIONS,
) -> Service:
    """Deploy an image."""
    return backend.services.deploy(environment, image, ready_seconds=seconds, force=force, allowed=allowed)


def release(backend: Backend, image: Image, *, passed: bool = True) -> Service:
    """Deploy an image to QA, then to production, and record whether its test in production passed."""
    deploy(backend, "qa", image)
    backend.services.record_test("qa", image.digest, passed=True)
    service = deploy(backend, "production", image)
    backend.services.record_test("production", image.digest, passed=passed)
    return service


def ask(backend: Backend, service: Service) -> float:
    """Return a service's prediction for one row. The request uses the second key."""
    key = backend.secrets.get_keys(service.environment)[1]
    answer = requests.post(
        f"{service.url}/score", json={"data": [[1.0]]}, headers={"Authorization": f"Bearer {key}"}, timeout=60
    )
    answer.raise_for_status()
    return float(answer.json()["result"][0])
