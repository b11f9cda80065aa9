"""The seam of trainings: what was trained, with which parameters, and the resulting files."""

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
    """The origin of a training, as people look for it on its page.

    Parameters
    ----------
    notebook : str
        Its path in the project.
    git_commit : str
        See `mlops.record.lineage.Commit`.
    began : float
        When the notebook began, in seconds since the epoch.
    data_url, data_sha256 : str
        The file that was trained on.
    rows : int
        How many rows it has.
    columns : mapping of str to str
        The type of each column, as NumPy names it: "float64".
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
        """Record a finished training with the model's `files` and `plots` (folders); called by 02_train.

        Its name is `name_training`, and its page shows its `origin`, as far as the platform's page can.
        Every call makes a new run; with `sweep`, one that belongs to that sweep. Several may call at once. With
        `pipeline_run`, replaces the training of an earlier call with the same one and the same parameters, so that a
        run of a pipeline that was killed and resumed has trained once.
        """
        ...

    def start_sweep(self, name: str, parameters: Mapping[str, object]) -> str:
        """Record that a sweep over `parameters` begins; called by `mlops sweep`.

        Returns the id by which `log_training` puts trainings under it.
        """
        ...

    def end_sweep(
        self, sweep: str, *, state: SweepState, parameters: Mapping[str, object], metrics: Mapping[str, float]
    ) -> None:
        """Record how a sweep ended, with the parameters and metrics of its best training; called by `mlops sweep`."""
        ...

    def has_files(self, run: TrainingRun) -> bool:
        """Say whether a training's files are still there and unchanged; called before its results are taken over."""
        ...

    def keep_rows(self, content: bytes) -> str:
        """Keep the feature rows that a training was given, once per content; called by 02_train.

        Returns the SHA-256 of `content`, by which `fetch_rows` finds it again. Safe to call again.
        """
        ...

    def fetch_rows(self, sha256: str) -> bytes | None:
        """Return what `keep_rows` kept, or None if it is not there; called by 03_evaluate.

        Raises IntegrityError if the content has changed.
        """
        ...

    def fetch_files(self, run: TrainingRun, folder: Path) -> Path:
        """Copy a training's files to `folder` and check their hashes; called by 03_evaluate and 04_register.

        Raises IntegrityError for a file that has changed, TrainingNotFoundError for an unknown training.
        """
        ...


def name_training(pipeline_run: str, sweep: str, parameters: Mapping[str, object]) -> str:
    """Return the name of a training for people: the run that it is part of; within a sweep, what it tries."""
    if sweep:
        return ", ".join(f"{name}={value}" for name, value in parameters.items())
    return PurePath(pipeline_run).name or "interactive"


def name_attempt(pipeline_run: str, parameters: Mapping[str, object]) -> str:
    """Return the name of a training within a run of a pipeline, which trains once with the same parameters."""
    content = json.dumps([pipeline_run, {name: str(value) for name, value in parameters.items()}], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
