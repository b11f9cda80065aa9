"""The interface to trainings: their parameters, metrics and files."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal, Protocol

SweepState = Literal["succeeded", "failed", "interrupted"]


@dataclass(frozen=True)
class TrainingRun:
    """A tracked training: its id, and the SHA-256 of every model file by relative path."""

    run_id: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class TrainingOrigin:
    """The notebook, the commit and the data of a training, which the training's page shows.

    Parameters
    ----------
    notebook : str
        The path of the notebook in the project.
    git_commit : str
        The commit of the project; see `mlops.record.lineage.Commit`.
    began : float
        The start of the notebook, in seconds since 1970.
    data_url, data_sha256 : str
        The file with the training data.
    rows : int
        The number of rows in the training data.
    columns : mapping of str to str
        The NumPy type of each column, such as "float64".
    """

    notebook: str
    git_commit: str
    began: float
    data_url: str
    data_sha256: str
    rows: int
    columns: Mapping[str, str]


class Tracker(Protocol):
    """The record of trainings."""

    def log_training(
        self,
        *,
        parameters: Mapping[str, object],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        files: Path,
        plots: Path | None = None,
        sweep: str = "",
        pipeline_run: str = "",
        origin: TrainingOrigin | None = None,
    ) -> TrainingRun:
        """Record a finished training with the folders `files` (the model) and `plots`; called by 02_train.

        Every call creates a new training, which belongs to `sweep` if that is given. `name_training` chooses its name.
        The page of the training shows as much of `origin` as the platform allows. Several threads and processes can
        call this method at the same time. If `pipeline_run` is given, the new training replaces an earlier one with the
        same `pipeline_run` and parameters, so that a pipeline run that was killed and resumed leaves only one training.
        """
        ...

    def start_sweep(self, name: str, parameters: Mapping[str, object]) -> str:
        """Record the start of a sweep over `parameters`; called by `mlops sweep`.

        Returns the id to pass to `log_training` as `sweep`.
        """
        ...

    def end_sweep(
        self, sweep: str, *, state: SweepState, parameters: Mapping[str, object], metrics: Mapping[str, float]
    ) -> None:
        """Record the end of a sweep, with the parameters and metrics of its best training; called by `mlops sweep`."""
        ...

    def has_files(self, run: TrainingRun) -> bool:
        """Return whether a training's files still exist and are unchanged; called before its results are reused."""
        ...

    def keep_rows(self, content: bytes) -> str:
        """Store the feature rows of a training, unless the same content is already stored; called by 02_train.

        Returns the SHA-256 of `content`, with which `fetch_rows` finds it again. Safe to call again.
        """
        ...

    def fetch_rows(self, sha256: str) -> bytes | None:
        """Return the content that `keep_rows` stored, or None if there is none; called by 03_evaluate.

        Raises IntegrityError if the content has changed.
        """
        ...

    def fetch_files(self, run: TrainingRun, folder: Path) -> Path:
        """Copy a training's files to `folder` and check their hashes; called by 03_evaluate and 04_register.

        Raises IntegrityError if a file has changed, and TrainingNotFoundError if the training is unknown.
        """
        ...


def name_training(pipeline_run: str, sweep: str, parameters: Mapping[str, object]) -> str:
    """Return a readable name for a training: in a sweep, its parameters; otherwise, the name of its pipeline run."""
    if sweep:
        return ", ".join(f"{name}={value}" for name, value in parameters.items())
    return PurePath(pipeline_run).name or "interactive"


def name_attempt(pipeline_run: str, parameters: Mapping[str, object]) -> str:
    """Return a hash of a pipeline run and a training's parameters.

    A pipeline run keeps only one training with the same hash.
    """
    content = json.dumps([pipeline_run, {name: str(value) for name, value in parameters.items()}], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
