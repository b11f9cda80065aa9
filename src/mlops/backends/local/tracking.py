"""Tracking and registry on MLflow's SQLite store.

MLflow neither protects a model's bytes nor compares before it swaps: the SHA-256 of every file is recorded and checked,
and the champion moves under a lock. The champion is a version tag, which every platform has; MLflow's alias of the
same name is set beside it for people who look at MLflow's pages.
"""

import hashlib
import json
import logging
import os
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from mlops.backends.base import ModelVersion, SweepState, TrainingRun
from mlops.errors import ConflictError, IntegrityError, NotFoundError
from mlops.files import find_path, hash_folder, sync_folder, verify_files

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "training"
CHAMPION = "champion"
FILES_TAG = "files"
ARTIFACTS = "model"
PLOTS = "plots"
ATTEMPT = "attempt"
SWEEP = "sweep"
PARENT = "mlflow.parentRunId"  # MLflow's pages show a run below the one that this tag names
ENDINGS: Mapping[SweepState, str] = {"succeeded": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}


class MlflowStore:
    """MLflow's client on ``<home>/mlflow.db``, opened on first use: importing MLflow takes over a second."""

    def __init__(self, home: Path) -> None:
        self.home = home
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
        warnings.filterwarnings("ignore", message="IProgress not found")

    @cached_property
    def lock(self) -> FileLock:
        """Held while the schema is made and while the registry changes; its holder may take it again."""
        self.home.mkdir(parents=True, exist_ok=True)
        return FileLock(self.home / "registry.lock")

    @cached_property
    def client(self) -> "MlflowClient":
        """The client; the first one ever also makes the database's schema."""
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import DatabaseError

        for name in ("alembic", "mlflow"):
            logging.getLogger(name).setLevel(logging.WARNING)  # importing MLflow has set its own
        database = self.home / "mlflow.db"
        with self.lock:
            try:
                if not database.is_file():
                    _make_database(database)
                client = MlflowClient(f"sqlite:///{database}")
                if client.get_experiment_by_name(EXPERIMENT) is None:
                    client.create_experiment(EXPERIMENT, artifact_location=(self.home / "artifacts").as_uri())
            except (DatabaseError, MlflowException) as error:
                raise IntegrityError(f"{database} cannot be used: {str(error).splitlines()[0]}; restore it") from error
        return client

    @property
    def exists(self) -> bool:
        """Whether anything was ever recorded: asking does not make a database."""
        return (self.home / "mlflow.db").is_file()

    def copy_artifacts(self, run_id: str, folder: Path) -> Path:
        """Copy the model files of a run to `folder`, which is made anew."""
        from mlflow.exceptions import MlflowException

        try:
            uri = self.client.get_run(run_id).info.artifact_uri
        except MlflowException as error:
            raise NotFoundError(f"there is no training run {run_id!r} in {self.home}: run 02_train") from error
        shutil.rmtree(folder, ignore_errors=True)
        source = find_path(uri) / ARTIFACTS
        if not source.is_dir():
            raise NotFoundError(f"the files of training run {run_id} are gone from {source}: train again")
        return Path(shutil.copytree(source, folder))


class LocalTracker:
    """Trainings as MLflow runs."""

    def __init__(self, store: MlflowStore) -> None:
        self._store = store

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
        """See `Tracker`."""
        from mlflow.entities import Metric, Param, RunTag
        from mlflow.utils.time import get_current_time_millis

        client, time = self._store.client, get_current_time_millis()
        hashes = hash_folder(files)
        attempt = _name_attempt(pipeline_run, parameters) if pipeline_run else ""
        self._take_back(attempt)
        run = self._create_run({**({PARENT: sweep} if sweep else {}), **({ATTEMPT: attempt} if attempt else {})})
        client.log_artifacts(run.info.run_id, str(files), ARTIFACTS)
        if plots:
            client.log_artifacts(run.info.run_id, str(plots), PLOTS)
        client.log_batch(
            run.info.run_id,
            metrics=[Metric(name, value, time, 0) for name, value in metrics.items()],
            params=[Param(name, str(value)) for name, value in parameters.items()],
            tags=[RunTag(name, value) for name, value in {**tags, FILES_TAG: json.dumps(hashes)}.items()],
        )
        client.set_terminated(run.info.run_id)
        return TrainingRun(run.info.run_id, hashes)

    def _take_back(self, attempt: str) -> None:
        """Delete the trainings that an attempt has left, which was killed before it could say that it is done."""
        if attempt:
            for left in self._search(f"tags.{ATTEMPT} = '{attempt}'"):
                self._store.client.delete_run(left.info.run_id)

    def start_sweep(self, name: str, parameters: Mapping[str, object]) -> str:
        """See `Tracker`."""
        values = "; ".join(f"{parameter}={value}" for parameter, value in parameters.items())
        run = self._create_run({SWEEP: name, "mlflow.runName": name, "mlflow.note.content": values})
        return str(run.info.run_id)

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

    def list_trainings(self, sweep: str = "") -> list[str]:
        """See `Tracker`."""
        found = self._search(f"tags.`{PARENT}` = '{sweep}'" if sweep else "")
        return [run.info.run_id for run in found if SWEEP not in run.data.tags]

    def _search(self, condition: str) -> list[Any]:
        """Return the runs that meet a condition, oldest first."""
        client = self._store.client
        experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
        found: list[Any] = []
        token = None
        while token is None or token:
            page = client.search_runs([experiment], condition, order_by=["attributes.start_time ASC"], page_token=token)
            found += page
            token = page.token or ""
        return found

    def has_files(self, run: TrainingRun) -> bool:
        """See `Tracker`."""
        from mlflow.exceptions import MlflowException

        if not self._store.exists:
            return False
        try:
            uri = self._store.client.get_run(run.run_id).info.artifact_uri
        except MlflowException:
            return False
        return hash_folder(find_path(uri) / ARTIFACTS) == dict(run.files)

    def _create_run(self, tags: Mapping[str, str]) -> Any:
        experiment = self._store.client.get_experiment_by_name(EXPERIMENT)
        return self._store.client.create_run(experiment.experiment_id, tags=dict(tags))

    def fetch_files(self, run: TrainingRun, folder: Path) -> Path:
        """See `Tracker`."""
        self._store.copy_artifacts(run.run_id, folder)
        verify_files(folder, run.files, f"training run {run.run_id}")
        return folder


class LocalRegistry:
    """Model versions in MLflow's registry."""

    def __init__(self, store: MlflowStore) -> None:
        self._store = store

    def register(
        self, name: str, run: TrainingRun, tags: Mapping[str, str], *, expected: int | None = None
    ) -> ModelVersion:
        """See `Registry`."""
        client = self._store.client
        with tempfile.TemporaryDirectory() as scratch:
            folder = self._store.copy_artifacts(run.run_id, Path(scratch, "model"))
            verify_files(folder, run.files, f"training run {run.run_id}")
        with self._store.lock:
            for version in self._list_versions(name):
                if version.run_id == run.run_id:
                    return version
            if expected is not None:
                self._require_champion(name, expected)
            self._ensure_model(name)
            source = f"{client.get_run(run.run_id).info.artifact_uri}/{ARTIFACTS}"
            all_tags = {**tags, FILES_TAG: json.dumps(dict(run.files))}
            created = client.create_model_version(name, source, run.run_id, tags=all_tags)
            return _read_version(created)

    def promote(self, name: str, version: int, *, expected: int) -> ModelVersion:
        """See `Registry`."""
        client = self._store.client
        with self._store.lock:
            self._require_champion(name, expected, version)
            client.set_model_version_tag(name, str(version), CHAMPION, "true")
            for other in self._list_versions(name):
                if other.version != version and CHAMPION in other.tags:
                    client.delete_model_version_tag(name, str(other.version), CHAMPION)
            client.set_registered_model_alias(name, CHAMPION, str(version))
        return self.get_version(name, version)

    def find_champion(self, name: str) -> ModelVersion | None:
        """See `Registry`."""
        if not self._store.exists:
            return None
        with self._store.lock:  # between the two tags of a promotion there are two champions
            return self._find_champion(name)

    def _require_champion(self, name: str, *allowed: int) -> None:
        champion = self._find_champion(name)
        current = champion.version if champion else 0
        if current not in allowed:
            raise ConflictError(
                f"the new model of {name!r} is not promoted: it was compared with version {allowed[0]}, but the "
                f"champion is now version {current}; run `mlops run retrain` again"
            )

    def _find_champion(self, name: str) -> ModelVersion | None:
        tagged = [version for version in self._list_versions(name) if version.champion]
        return max(tagged, key=lambda version: version.version, default=None)

    def get_version(self, name: str, version: int) -> ModelVersion:
        """See `Registry`."""
        from mlflow.exceptions import MlflowException

        try:
            return _read_version(self._store.client.get_model_version(name, str(version)))
        except MlflowException as error:
            raise NotFoundError(f"there is no version {version} of the model {name!r}: run 04_register") from error

    def fetch_model(self, model: ModelVersion, folder: Path) -> Path:
        """See `Registry`."""
        self._store.copy_artifacts(model.run_id, folder)
        verify_files(folder, model.files, f"model {model.name} version {model.version}")
        return folder

    def _list_versions(self, name: str) -> list[ModelVersion]:
        found = self._store.client.search_model_versions(f"name='{name}'", max_results=10_000)
        return [_read_version(version) for version in found]

    def _ensure_model(self, name: str) -> None:
        if not self._store.client.search_registered_models(f"name='{name}'"):
            self._store.client.create_registered_model(name)


def _make_database(path: Path) -> None:
    """Make MLflow's schema, whole or not at all: half of it, left by a kill, MLflow could never use."""
    from mlflow import MlflowClient

    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as scratch:
        made, copy = Path(scratch, "made.db"), Path(scratch, "copy.db")
        MlflowClient(f"sqlite:///{made}").get_experiment_by_name(EXPERIMENT)
        with closing(sqlite3.connect(made)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        os.replace(copy, path)
    sync_folder(path.parent)


def _name_attempt(pipeline_run: str, parameters: Mapping[str, object]) -> str:
    """Name what one run of a pipeline trains only once: a sweep trains with many parameters."""
    content = json.dumps([pipeline_run, {name: str(value) for name, value in parameters.items()}], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _read_version(version: Any) -> ModelVersion:
    tags = {name: value for name, value in version.tags.items() if name != FILES_TAG}
    return ModelVersion(
        name=version.name,
        version=int(version.version),
        run_id=version.run_id,
        files=json.loads(version.tags[FILES_TAG]),
        tags=tags,
        champion=CHAMPION in tags,
    )
