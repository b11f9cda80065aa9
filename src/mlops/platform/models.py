"""The seam of models: trainings that are tracked, and versions that are registered."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

SweepState = Literal["succeeded", "failed", "interrupted"]


@dataclass(frozen=True)
class TrainingRun:
    """A tracked training: its id, and the SHA-256 of every model file by relative path."""

    run_id: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class ModelVersion:
    """A registered model: where it came from (`run_id`, `tags`), what it is (`files`), whether it is the champion."""

    name: str
    version: int
    run_id: str
    files: Mapping[str, str]
    tags: Mapping[str, str]
    champion: bool = False


class Tracker(Protocol):
    """Remembers trainings."""

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
    ) -> TrainingRun:
        """Record a finished training with the model's `files` and `plots` (folders); called by 02_train.

        Every call makes a new run; with `sweep`, one that belongs to that sweep. Several may call at once. With
        `pipeline_run`, takes back what an earlier call with the same one and the same parameters has left: a run of a
        pipeline that was killed and resumed has trained once.
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

    def list_trainings(self, sweep: str = "") -> list[str]:
        """Return the ids of all trainings, or of a sweep's, oldest first; called by who checks the record."""
        ...

    def has_files(self, run: TrainingRun) -> bool:
        """Say whether a training's files are still there and unchanged; called before its results are taken over."""
        ...

    def fetch_files(self, run: TrainingRun, folder: Path) -> Path:
        """Copy a training's files to `folder` and check their hashes; called by 03_evaluate and 04_register.

        Raises IntegrityError for a file that has changed, NotFoundError for an unknown run.
        """
        ...


class Registry(Protocol):
    """Keeps versions of models, one of which is the champion."""

    def register(
        self, name: str, run: TrainingRun, tags: Mapping[str, str], *, expected: int | None = None
    ) -> ModelVersion:
        """Make the next version, whole with all its tags or not at all; called by 04_register.

        Safe to call again: a training that is registered already keeps its version. With `expected`, raises
        ConflictError and makes none where the champion is another version (0: none) by now.
        """
        ...

    def promote(self, name: str, version: int, *, expected: int) -> ModelVersion:
        """Make a version the champion if the champion still is version `expected` (0: none); called by 04_register.

        Safe to call again. Raises ConflictError where another champion has come in between.
        """
        ...

    def find_champion(self, name: str) -> ModelVersion | None:
        """Return the champion, or None before the first promotion; called by 03_evaluate, 05_create_image, status."""
        ...

    def get_version(self, name: str, version: int) -> ModelVersion:
        """Return one version; raises NotFoundError."""
        ...

    def fetch_model(self, model: ModelVersion, folder: Path) -> Path:
        """Copy a version's files to `folder` and check their hashes: nothing is loaded that has changed.

        Called by 03_evaluate, 05_create_image and 07_test_service. Raises IntegrityError.
        """
        ...
