"""The loading of models from a platform, after a check of their hashes."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlops.model.files import load_model
from mlops.model.training_data import TrainingData, read_training_data
from mlops.platform.backend import Backend
from mlops.platform.models import ModelVersion
from mlops.platform.trainings import TrainingRun


def load_trained(backend: Backend, run: TrainingRun) -> Any:
    """Return the fitted estimator of a training. Raise IntegrityError if its files have changed."""
    with TemporaryDirectory() as folder:
        return load_model(backend.tracker.fetch_files(run, Path(folder, "model")))


def load_registered(backend: Backend, model: ModelVersion) -> Any:
    """Return the fitted estimator of a registered model version. Raise IntegrityError if its files have changed."""
    with TemporaryDirectory() as folder:
        return load_model(backend.registry.fetch_model(model, Path(folder, "model")))


def load_training_data(backend: Backend, model: ModelVersion) -> TrainingData:
    """Return the description of the data that a registered model version was trained on."""
    with TemporaryDirectory() as folder:
        return read_training_data(backend.registry.fetch_model(model, Path(folder, "model")))
