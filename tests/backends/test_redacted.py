"""Secrets are redacted in everything that notebooks send to a tracker or a registry."""

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_model import make_files

from mlops.backends.memory.registry import MemoryRegistry
from mlops.backends.memory.secrets import MemorySecrets
from mlops.backends.memory.tracking import MemoryTracker
from mlops.backends.redacted import RedactedRegistry, RedactedTracker
from mlops.platform.trainings import TrainingOrigin

SECRET = "pa55-word-of-the-store"
ORIGIN = TrainingOrigin(
    "notebooks/02_train.ipynb", "unknown", 0.0, "https://host/data.csv", "0" * 64, 3, {"A": "float64"}
)


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret of the platform."""
    monkeypatch.setenv("MLOPS_SECRET_STORE", SECRET)


def test_a_training_is_recorded_without_secrets(tmp_path: Path) -> None:
    inner = MemoryTracker()
    tracker = RedactedTracker(inner, MemorySecrets())
    sweep = tracker.start_sweep(f"with {SECRET}", {"alpha": [0.1, 0.2], "key": SECRET})
    run = tracker.log_training(
        parameters={"key": SECRET, "alpha": 0.4},
        metrics={"mse": 2.5},
        tags={"url": f"https://{SECRET}@host"},
        files=make_files(tmp_path, 1.0),
        sweep=sweep,
        origin=replace(ORIGIN, data_url=f"https://host/?sig={SECRET}"),
    )
    kept = inner.trainings[run.run_id]
    assert (kept.parameters, kept.tags) == ({"key": "***", "alpha": 0.4}, {"url": "https://***@host"})
    assert kept.origin == replace(ORIGIN, data_url="https://host/?sig=***")
    tracker.end_sweep(sweep, state="succeeded", parameters={"key": SECRET}, metrics={"mse": 2.5})
    assert (inner.sweeps[sweep].name, inner.sweeps[sweep].parameters) == ("with ***", {"key": "***"})


def test_a_version_is_registered_without_secrets(tmp_path: Path) -> None:
    inner = MemoryTracker()
    tracker = RedactedTracker(inner, MemorySecrets())
    run = tracker.log_training(parameters={}, metrics={}, tags={}, files=make_files(tmp_path, 1.0))
    registry = RedactedRegistry(MemoryRegistry(inner), MemorySecrets())
    assert registry.register("tiny", run, {"reason": f"better than {SECRET}"}).tags == {"reason": "better than ***"}
