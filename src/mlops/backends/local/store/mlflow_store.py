"""MLflow's store in MLOPS_HOME: the client, the creation of the database, and the files of trainings."""

import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from mlops.backends.local.champions import ChampionNotes
from mlops.backends.local.store.database import PATIENT, Patience, name_url
from mlops.backends.local.store.failures import DATABASE, explain_failures
from mlops.backends.local.store.locations import ARTIFACTS_FOLDER, locate_files, move_locations
from mlops.backends.local.store.queries import VersionRow, has_training, read_versions
from mlops.backends.local.store.schema import require_schema
from mlops.errors import PlatformError, TrainingNotFoundError
from mlops.files.atomic import sync_folder
from mlops.files.databases import copy_database
from mlops.pipelines.advice import TRAINING_NOTEBOOK
from mlops.record.processes import describe_holders
from mlops.workspace import mark_home

if TYPE_CHECKING:
    import sqlite3

    from mlflow import MlflowClient

EXPERIMENT = "training"
# Without this tag, MLflow's page mistakes trainings for evaluations of agents.
KIND = {"mlflow.experimentKind": "custom_model_development"}
ARTIFACTS = "model"
FILES_TAG = "files"
LOADED_NOTE = "registered_model_meta"  # MLflow's client writes this file into the folder of a model that it loads


class MlflowStore:
    """MLflow's store in a MLOPS_HOME: the database ``mlflow.db``, and MLflow's client for it.

    Parameters
    ----------
    home : Path
        MLOPS_HOME.
    patience : Patience
        How long to wait for a lock of another process.
    """

    def __init__(self, home: Path, patience: Patience = PATIENT) -> None:
        self.home = home
        self.patience = patience
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
        warnings.filterwarnings("ignore", message="IProgress not found")

    @cached_property
    def _lock(self) -> FileLock:
        self.home.mkdir(parents=True, exist_ok=True)
        return FileLock(self.home / "registry.lock", timeout=self.patience.seconds)

    @contextmanager
    def hold_lock(self) -> Iterator[None]:
        """Hold a lock for a ``with`` block that creates the database or changes the registry. The lock is reentrant.

        Raises
        ------
        PlatformError
            If another process does not release the lock in time.
        """
        try:
            self._lock.acquire()
        except Timeout:
            path = self.home / "registry.lock"
            raise PlatformError(
                f"{path} is locked by {describe_holders(path) or 'another process'} and was not released within "
                f"{self.patience.seconds:.0f} s. Wait for that process or end it, then try again."
            ) from None
        try:
            yield
        finally:
            self._lock.release()

    @cached_property
    def database(self) -> Path:
        """The path of the database, after checking that the installed MLflow can use it."""
        database = self.home / DATABASE
        require_schema(database, self.patience)
        return database

    @cached_property
    def client(self) -> "MlflowClient":
        """MLflow's client. Reading this property creates the database if there is none yet."""
        from mlflow import MlflowClient

        for name in ("alembic", "mlflow"):
            logging.getLogger(name).setLevel(logging.WARNING)  # importing MLflow sets another level
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # `explain_failures` reports these errors
        database = self.database  # checks the schema, because MLflow would upgrade older databases without a backup
        with explain_failures(database):
            if not database.is_file():
                self._create_database_atomically(database)
            client = MlflowClient(name_url(database))
            if client.get_experiment_by_name(EXPERIMENT) is None:
                self._make_experiment(client)
        return client

    def _create_database_atomically(self, database: Path) -> None:
        with self.hold_lock():
            if not database.is_file():
                mark_home(self.home)
                _create_database_atomically(database)

    def _make_experiment(self, client: "MlflowClient") -> None:
        with self.hold_lock():
            if client.get_experiment_by_name(EXPERIMENT) is None:
                client.create_experiment(EXPERIMENT, (self.home / ARTIFACTS_FOLDER).as_uri(), KIND)

    @property
    def exists(self) -> bool:
        """True if there is a database. Reading this property does not create one."""
        return (self.home / DATABASE).exists()

    def prepare_write(self) -> None:
        """Prepare the store for a change. Call this method before every write."""
        move_locations(self.home / DATABASE, EXPERIMENT, self.patience)
        # so that the deletion of a champion is noticed later
        self.note_champions()

    def note_champions(self) -> list[VersionRow]:
        """Record each model's champion in its own file, and return the champions that were newly recorded."""
        notes = ChampionNotes(self.home)
        if not self.exists or not notes.list_outdated(read_versions(self.database, patience=self.patience)):
            return []
        with self.hold_lock():  # versions are read again, because promotions change tags and notes under this lock
            outdated = notes.list_outdated(read_versions(self.database, patience=self.patience))
            for row in outdated:
                notes.write(row.name, row.version)
        return outdated

    def locate_artifacts(self, run_id: str) -> Path:
        """Return the folder of a training's model files."""
        return locate_files(self.home, run_id) / ARTIFACTS

    def copy_artifacts(self, run_id: str, folder: Path) -> Path:
        """Replace the content of `folder` with the model files of a training, and return `folder`."""
        if not self.exists or not has_training(self.database, run_id, self.patience):
            raise TrainingNotFoundError(f"There is no training run {run_id!r} in {self.home}. Run {TRAINING_NOTEBOOK}.")
        shutil.rmtree(folder, ignore_errors=True)
        source = self.locate_artifacts(run_id)
        if not source.is_dir():
            raise TrainingNotFoundError(
                f"The files of training run {run_id} no longer exist in {source}. Run {TRAINING_NOTEBOOK} again."
            )
        return Path(shutil.copytree(source, folder, ignore=shutil.ignore_patterns(LOADED_NOTE)))


def _create_database_atomically(path: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    # MLflow writes the location of its own experiment into SQL as it is. By default, it is below the current folder,
    # whose name can contain quotes and colons. The URL encodes them.
    location = (path.parent / ARTIFACTS_FOLDER).as_uri()
    # MLflow cannot use a database whose creation was interrupted.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as scratch:
        made, copy = Path(scratch, "made.db"), Path(scratch, "copy.db")
        with _write_without_syncing():
            SqlAlchemyStore(name_url(made), location)
        copy_database(made, copy)  # syncs the copy
        os.replace(copy, path)
    sync_folder(path.parent)


@contextmanager
def _write_without_syncing() -> Iterator[None]:
    # MLflow creates a database with 60 migrations, each of which syncs the disk. On a busy machine, this takes 12 s.
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def relax(connection: "sqlite3.Connection", _: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA journal_mode=MEMORY")

    event.listen(Engine, "connect", relax)
    try:
        yield
    finally:
        event.remove(Engine, "connect", relax)
