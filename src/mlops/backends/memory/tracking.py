"""Trainings in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from threading import Lock

from mlops.backends.memory.contents import Contents, read_folder, write_folder
from mlops.errors import TrainingNotFoundError
from mlops.files.hashes import hash_content, hash_folder, require_hash, verify_files
from mlops.pipelines.advice import TRAINING_NOTEBOOK
from mlops.platform.trainings import SweepState, TrainingOrigin, TrainingRun, name_attempt


@dataclass(frozen=True)
class Training:
    """A training. `attempt` is from `mlops.platform.trainings.name_attempt`, or empty outside of a pipeline run."""

    run: TrainingRun
    contents: Contents
    plots: Contents
    parameters: Mapping[str, object]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    sweep: str
    attempt: str
    origin: TrainingOrigin | None = None


@dataclass(frozen=True)
class Sweep:
    """A sweep: the parameters that it tries and, after its end, its state and its best parameters and metrics."""

    name: str
    tried: Mapping[str, object]
    state: SweepState | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


class MemoryTracker:
    """See `mlops.platform.trainings.Tracker`.

    Attributes
    ----------
    trainings : dict of str to Training
        The trainings by id, oldest first.
    sweeps : dict of str to Sweep
        The sweeps by id.
    rows : dict of str to bytes
        The training rows by SHA-256.
    """

    def __init__(self) -> None:
        self.trainings: dict[str, Training] = {}
        self.sweeps: dict[str, Sweep] = {}
        self.rows: dict[str, bytes] = {}
        self._numbers = count(1)
        self._lock = Lock()

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
        """See `Tracker`."""
        attempt = name_attempt(pipeline_run, parameters) if pipeline_run else ""
        with self._lock:
            run = TrainingRun(f"training-{next(self._numbers)}", hash_folder(files))
            for known in [known for known in self.trainings.values() if attempt and known.attempt == attempt]:
                del self.trainings[known.run.run_id]
            self.trainings[run.run_id] = Training(
                run=run,
                contents=read_folder(files),
                plots=read_folder(plots) if plots else {},
                parameters=dict(parameters),
                metrics=dict(metrics),
                tags=dict(tags),
                sweep=sweep,
                attempt=attempt,
                origin=origin,
            )
        return run

    def start_sweep(self, name: str, parameters: Mapping[str, object]) -> str:
        """See `Tracker`."""
        with self._lock:
            sweep = f"sweep-{next(self._numbers)}"
            self.sweeps[sweep] = Sweep(name, dict(parameters))
        return sweep

    def end_sweep(
        self, sweep: str, *, state: SweepState, parameters: Mapping[str, object], metrics: Mapping[str, float]
    ) -> None:
        """See `Tracker`."""
        self.sweeps[sweep] = replace(
            self.sweeps[sweep], state=state, parameters=dict(parameters), metrics=dict(metrics)
        )

    def has_files(self, run: TrainingRun) -> bool:
        """See `Tracker`."""
        known = self.trainings.get(run.run_id)
        return known is not None and dict(known.run.files) == dict(run.files)

    def keep_rows(self, content: bytes) -> str:
        """See `Tracker`."""
        sha256 = hash_content(content)
        self.rows[sha256] = content
        return sha256

    def fetch_rows(self, sha256: str) -> bytes | None:
        """See `Tracker`."""
        found = self.rows.get(sha256)
        return None if found is None else require_hash(found, sha256, "The training rows in memory")

    def fetch_files(self, run: TrainingRun, folder: Path) -> Path:
        """See `Tracker`."""
        if run.run_id not in self.trainings:
            raise TrainingNotFoundError(f"There is no training run {run.run_id!r} in memory. Run {TRAINING_NOTEBOOK}.")
        write_folder(self.trainings[run.run_id].contents, folder)
        verify_files(folder, run.files, f"training run {run.run_id}")
        return folder
