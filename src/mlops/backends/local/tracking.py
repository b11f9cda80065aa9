"""Trainings, recorded as MLflow runs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.backends.local.store.failures import explained
from mlops.backends.local.store.mlflow_page import describe_data, describe_source
from mlops.backends.local.store.mlflow_store import ARTIFACTS, EXPERIMENT, FILES_TAG, LOADED_NOTE, MlflowStore
from mlops.backends.local.store.queries import find_trainings, has_training
from mlops.files.contents import locate_content, store_by_content
from mlops.files.disk import explain_full_disk
from mlops.files.hashes import hash_content, hash_folder, require_hash, verify_files
from mlops.platform.trainings import SweepState, TrainingOrigin, TrainingRun, name_attempt, name_training
from mlops.record.processes import name_user
from mlops.workspace import mark_home

PLOTS = "plots"
ROWS = "training-rows"  # a folder in MLOPS_HOME
ROWS_FILE = "rows.parquet"
ATTEMPT = "attempt"
SWEEP = "sweep"
PARENT = "mlflow.parentRunId"  # MLflow's pages show a run below the run that this tag names
ENDINGS: Mapping[SweepState, str] = {"succeeded": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}


class LocalTracker:
    """Trainings, recorded as MLflow runs; see `mlops.platform.trainings.Tracker`."""

    def __init__(self, store: MlflowStore) -> None:
        self._store = store
        self.home = store.home

    @explained
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
        from mlflow.entities import Metric, Param, RunTag
        from mlflow.utils.time import get_current_time_millis

        client, time = self._store.client, get_current_time_millis()
        hashes = hash_folder(files)
        attempt = name_attempt(pipeline_run, parameters) if pipeline_run else ""
        self._delete_attempt(attempt)
        own = {**({PARENT: sweep} if sweep else {}), **({ATTEMPT: attempt} if attempt else {})}
        page = describe_source(origin) if origin else {}
        began = int(origin.began * 1000) if origin else time
        run = self._create_run(name_training(pipeline_run, sweep, parameters), {**own, **page}, began)
        client.log_artifacts(run.info.run_id, str(files), ARTIFACTS)
        if plots:
            client.log_artifacts(run.info.run_id, str(plots), PLOTS)
        client.log_batch(
            run.info.run_id,
            metrics=[Metric(name, value, time, 0) for name, value in metrics.items()],
            params=[Param(name, str(value)) for name, value in parameters.items()],
            tags=[RunTag(name, value) for name, value in {**tags, FILES_TAG: json.dumps(hashes)}.items()],
        )
        if origin:
            self._log_data(run.info.run_id, origin)
        client.set_terminated(run.info.run_id)
        return TrainingRun(run.info.run_id, hashes)

    def _log_data(self, run_id: str, origin: TrainingOrigin) -> None:
        """Log the data of a training, and try again if another training logs the same data at the same time."""
        from mlflow.exceptions import MlflowException

        inputs = [describe_data(origin)]
        try:
            self._store.client.log_inputs(run_id, datasets=inputs)
        except MlflowException as error:
            if "UNIQUE constraint failed: datasets" not in str(error):
                raise
            self._store.client.log_inputs(run_id, datasets=inputs)

    def _delete_attempt(self, attempt: str) -> None:
        if attempt:
            for left in find_trainings(self._store.database, ATTEMPT, attempt, self._store.patience):
                self._store.client.delete_run(left)

    @explained
    def start_sweep(self, name: str, parameters: Mapping[str, object]) -> str:
        """See `Tracker`."""
        values = "; ".join(f"{parameter}={value}" for parameter, value in parameters.items())
        run = self._create_run(name, {SWEEP: name, "mlflow.note.content": values})
        return str(run.info.run_id)

    @explained
    def end_sweep(
        self, sweep: str, *, state: SweepState, parameters: Mapping[str, object], metrics: Mapping[str, float]
    ) -> None:
        """See `Tracker`."""
        client = self._store.client
        for name, value in parameters.items():
            client.log_param(sweep, name, str(value))
        for metric, number in metrics.items():
            client.log_metric(sweep, metric, number)
        client.set_terminated(sweep, ENDINGS[state])

    @explained
    def has_files(self, run: TrainingRun) -> bool:
        """See `Tracker`."""
        if not self._store.exists or not has_training(self._store.database, run.run_id, self._store.patience):
            return False
        found = hash_folder(self._store.locate_artifacts(run.run_id))
        return {name: sha256 for name, sha256 in found.items() if name != LOADED_NOTE} == dict(run.files)

    def keep_rows(self, content: bytes) -> str:
        """See `Tracker`."""
        with explain_full_disk(self._store.home / ROWS):
            mark_home(self._store.home)  # raises the format number, because older versions would ignore the rows
            store_by_content(self._store.home / ROWS, ROWS_FILE, content)
        return hash_content(content)

    def fetch_rows(self, sha256: str) -> bytes | None:
        """See `Tracker`."""
        path = locate_content(self._store.home / ROWS, ROWS_FILE, sha256)
        if not path.is_file():
            return None
        return require_hash(path.read_bytes(), sha256, f"The training rows {path}")

    def _create_run(self, name: str, tags: Mapping[str, str], began: int | None = None) -> Any:
        self._store.prepare_write()
        experiment = self._store.client.get_experiment_by_name(EXPERIMENT)
        own = {"mlflow.user": name_user(), **tags}
        return self._store.client.create_run(experiment.experiment_id, began, own, name)

    @explained
    def fetch_files(self, run: TrainingRun, folder: Path) -> Path:
        """See `Tracker`."""
        self._store.copy_artifacts(run.run_id, folder)
        verify_files(folder, run.files, f"training run {run.run_id}")
        return folder
