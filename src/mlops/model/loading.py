"""The loading of models from a platform, after a check of their hashes."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlops.model.estimator import load_estimator
from mlops.model.files import ESTIMATOR
from mlops.model.training_data import TrainingData, read_training_data
from mlops.platform.backend import Backend
from mlops.platform.models import ModelVersion
from mlops.platform.trainings import TrainingRun
from mlops.problem import Problem


def load_trained(backend: Backend, problem: Problem, run: TrainingRun) -> Any:
    """Return the fitted estimator of a training.

    Raises
    ------
    IntegrityError
        If the files of the training have changed, or contain types that the problem does not trust.
    """
    with TemporaryDirectory() as folder:
        return load_estimator(problem, backend.tracker.fetch_files(run, Path(folder, "model")) / ESTIMATOR)


def load_registered(backend: Backend, problem: Problem, model: ModelVersion) -> Any:
    """Return the fitted estimator of a registered model version.

    Raises
    ------
    IntegrityError
        If the files of the version have changed, or contain types that the problem does not trust.
    """
    with TemporaryDirectory() as folder:
        return load_estimator(problem, backend.registry.fetch_model(model, Path(folder, "model")) / ESTIMATOR)


def load_training_data(backend: Backend, model: ModelVersion) -> TrainingData:
    """Return the stored description of the data on which a registered model version was trained."""
    with TemporaryDirectory() as folder:
        return read_training_data(backend.registry.fetch_model(model, Path(folder, "model")))
