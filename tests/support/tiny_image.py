"""Images of models that are one number, for the tests of images and services."""

from pathlib import Path

from tiny_model import make_files, register

from mlops.image.bundle import build_bundle
from mlops.platform.backend import Backend
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion

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
BROKEN = "def init(): raise RuntimeError('no such table')\ndef run(data): ..."
HANGING = "import time\ndef init(): time.sleep(60)\ndef run(data): ..."


def make_bundle(folder: Path, model: ModelVersion, number: float, script: str = SCRIPT) -> Path:
    """Make the bundle of a model."""
    (folder / "score.py").write_text(script)
    (folder / "requirements.txt").write_text("msgspec==0.22.0 \\\n    --hash=sha256:0\n")
    bundle = folder / f"bundle-{number}"
    build_bundle(
        bundle,
        model_name=model.name,
        model_version=model.version,
        model_files=[make_files(folder, number) / "model.json"],
        script=folder / "score.py",
        requirements=folder / "requirements.txt",
        example=[[1.0]],
    )
    return bundle


def publish(backend: Backend, folder: Path, number: float = 1.0, script: str = SCRIPT) -> Image:
    """Register a model and publish its image."""
    model = register(backend, folder, number)
    return backend.images.publish(make_bundle(folder, model, number, script), model)
