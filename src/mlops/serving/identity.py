"""The identity of an image: its name and digest, and the name, the version and the runtime of its model."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
REGISTERED = "SERVING_MODEL_REGISTERED"  # the variable with the time of the registration, in seconds since 1970
SERVICE = "SERVICE_NAME"  # the variable with the name of the service, which Azure also sets
HEADERS = {"model_name": "x-model-name", "model_version": "x-model-version", "digest": "x-image-digest"}


def read_identity(bundle: Path) -> dict[str, Any]:
    """Return the identity of an image, read from its manifest. ``/readyz`` reports this identity."""
    content = (bundle / MANIFEST).read_bytes()
    described = json.loads(content)
    return {
        "image": described["name"],
        "digest": "sha256:" + hashlib.sha256(content).hexdigest(),
        "model_name": described["model"]["name"],
        "model_version": described["model"]["version"],
        "runtime": described["runtime"],
    }


def list_headers(identity: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that name the model, its version and the image. Each answer has these headers."""
    return {header: str(identity[name]) for name, header in HEADERS.items() if name in identity}
