"""Trainings whose model is one number, for the tests of the tracker and the registry."""

import base64
import json
from pathlib import Path

from mlops.platform.backend import Backend
from mlops.platform.models import ModelVersion
from mlops.platform.trainings import TrainingRun

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def make_files(folder: Path, number: float) -> Path:
    """Make the folder of a model's files."""
    files = folder / f"files-{number}"
    files.mkdir(parents=True, exist_ok=True)
    (files / "model.json").write_text(json.dumps({"number": number}))
    return files


def track(backend: Backend, folder: Path, number: float = 1.0, *, sweep: str = "", run: str = "") -> TrainingRun:
    """Track a training."""
    return backend.tracker.log_training(
        parameters={"alpha": 0.4},
        metrics={"mse": 2.5, "r2": 0.5},
        tags={"git_commit": "abc"},
        files=make_files(folder, number),
        sweep=sweep,
        pipeline_run=run,
    )


def register(backend: Backend, folder: Path, number: float = 1.0) -> ModelVersion:
    """Track a training and register its model."""
    return backend.registry.register("tiny", track(backend, folder, number), {"data_sha256": "d1", "BuildId": "7"})
