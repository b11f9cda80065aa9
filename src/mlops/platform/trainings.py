"""The interface to trainings: their parameters, metrics and files, and the web page that shows them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal, Protocol

SweepState = Literal["succeeded", "failed", "interrupted"]


@dataclass(frozen=True)
class TrainingRun:
    """A recorded training: its id, and the SHA-256 of every model file by relative path."""

    run_id: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class TrainingOrigin:
    """The origin of a training: its notebook, commit and data.

    Parameters
    ----------
    notebook : str
        The path of the notebook in the project.
    git_commit : str
        The hash of the project's commit, or "unknown".
    began : float
        The time when the notebook started, in seconds since 1970.
    data_url, data_sha256 : str
        The address and the SHA-256 of the file with the training data.
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
        """Record a finished training, and return it; called by the notebook 02_train.

        `files` is the folder with the model, and `plots` is the folder with plots. Each call creates a new training,
        which belongs to `sweep` if that is given. If `pipeline_run` is given, the new training replaces an
        earlier one with the same `pipeline_run` and `parameters`.
        """
        ...

    def start_sweep(self, name: str, parameters: Mapping[str, object]) -> str:
        """Record the start of a sweep over `parameters`, and return its id; called by `mlops sweep`."""
        ...

    def end_sweep(
        self, sweep: str, *, state: SweepState, parameters: Mapping[str, object], metrics: Mapping[str, float]
    ) -> None:
        """Record the end of a sweep, with the parameters and metrics of its best training; called by `mlops sweep`."""
        ...

    def has_files(self, run: TrainingRun) -> bool:
        """Return whether the files of a training exist and are unchanged; called before its results are reused."""
        ...

    def keep_rows(self, content: bytes) -> str:
        """Store `content`, the encoded rows of a training, and return its SHA-256; called by the notebook 02_train.

        Safe to call again: the same content is stored only once.
        """
        ...

    def fetch_rows(self, sha256: str) -> bytes | None:
        """Return the content that `keep_rows` stored, or None if there is none; called by the notebook 03_evaluate.

        Raises IntegrityError if the content has changed.
        """
        ...

    def fetch_files(self, run: TrainingRun, folder: Path) -> Path:
        """Copy the files of a training to `folder`, check their hashes, and return the folder.

        Called by the notebooks 03_evaluate and 04_register. Raises IntegrityError if a file has changed, and
        TrainingNotFoundError if the training does not exist.
        """
        ...


def name_training(pipeline_run: str, sweep: str, parameters: Mapping[str, object]) -> str:
    """Return a readable name for a training: in a sweep, its parameters; otherwise, the name of its pipeline run."""
    if sweep:
        return ", ".join(f"{name}={value}" for name, value in parameters.items())
    return PurePath(pipeline_run).name or "interactive"


def name_attempt(pipeline_run: str, parameters: Mapping[str, object]) -> str:
    """Return a hash that identifies the training with these parameters in a pipeline run."""
    content = json.dumps([pipeline_run, {name: str(value) for name, value in parameters.items()}], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


class TrackingPage(Protocol):
    """A web page that shows all trainings."""

    def find_command(self, arguments: Sequence[str]) -> list[str]:
        """Return the command that starts the server of the page, with the additional `arguments`; called by `mlops ui`.

        Raises UsageError if the server is not installed.
        """
        ...
