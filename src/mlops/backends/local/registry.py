"""Model versions in MLflow's registry. A tag marks the champion."""

# The SHA-256 of every file is recorded and checked, because MLflow does not protect the files of a model.

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import msgspec

from mlops.backends.local.champions import CHAMPION, ChampionNotes, find_champions
from mlops.backends.local.store.failures import DATABASE, explained
from mlops.backends.local.store.mlflow_store import FILES_TAG, MlflowStore
from mlops.backends.local.store.queries import VersionRow, find_deleted, read_versions
from mlops.errors import ModelNotFoundError
from mlops.files.atomic import write_atomically
from mlops.files.hashes import verify_files
from mlops.files.records import decode_record, read_record
from mlops.platform.models import LOOKS_DAMAGED, Looks, ModelVersion, require_champion
from mlops.platform.trainings import TrainingRun


class LocalRegistry:
    """Model versions in MLflow's registry; see `mlops.platform.models.Registry`.

    Parameters
    ----------
    store : MlflowStore
        MLflow's database and files.
    command_options : str
        The option that messages add to suggested commands, such as " --platform local"; empty to add none.
    """

    def __init__(self, store: MlflowStore, command_options: str = "") -> None:
        self._retrain = f"mlops run retrain{command_options}"
        self._store = store
        self._notes = ChampionNotes(store.home)
        self.home = store.home

    @explained
    def register(
        self, name: str, run: TrainingRun, tags: Mapping[str, str], *, expected: str | None = None
    ) -> ModelVersion:
        """See `Registry`."""
        self._store.prepare_write()
        client = self._store.client
        with tempfile.TemporaryDirectory() as scratch:
            folder = self._store.copy_artifacts(run.run_id, Path(scratch, "model"))
            verify_files(folder, run.files, f"training run {run.run_id}")
        with self._store.hold_lock():
            for version in self._list_versions(name):
                if version.run_id == run.run_id:
                    return _read_version(version)
            if expected is not None:
                self._require_champion(name, expected)
            self._ensure_model(name)
            source = self._store.locate_artifacts(run.run_id).as_uri()
            all_tags = {**tags, FILES_TAG: json.dumps(dict(run.files))}
            created = client.create_model_version(name, source, run.run_id, tags=all_tags)
            return self.get_version(name, int(created.version))

    @explained
    def promote(self, name: str, version: int, *, expected: str) -> ModelVersion:
        """See `Registry`."""
        client = self._store.client
        with self._store.hold_lock():
            self._require_champion(name, expected, version)
            client.set_model_version_tag(name, str(version), CHAMPION, "true")
            for other in self._list_versions(name):
                if other.version != version and CHAMPION in other.tags:
                    client.delete_model_version_tag(name, str(other.version), CHAMPION)
            client.set_registered_model_alias(name, CHAMPION, str(version))
            self._notes.write(name, version)
        return self.get_version(name, version)

    @explained
    def find_champion(self, name: str) -> ModelVersion | None:
        """See `Registry`."""
        noted = self._notes.read(name)
        found = self._find_champion(name)  # no lock is taken, because a reader must not create a lock file
        lost = self._find_deleted_champion(name) if noted is None else noted
        if found is None and lost:
            remaining = [version.version for version in self._list_versions(name)]
            raise self._notes.explain_loss(name, lost, self.home / DATABASE, remaining)
        return found

    @explained
    def record_look(self, champion: ModelVersion, evidence: str) -> int:
        """See `Registry`."""
        path = self.home / "looks" / f"{champion.name}.json"
        with self._store.hold_lock():
            found = read_record(path, Looks, LOOKS_DAMAGED) if path.exists() else Looks()
            looks = found.add(champion, evidence)
            if looks is not found:
                write_atomically(path, msgspec.json.encode(asdict(looks)))
        return looks.find_number(champion, evidence)

    def list_champions(self) -> list[ModelVersion]:
        """Return the champion of each model that has one, sorted by the names of the models."""
        return [_read_version(row) for _, row in sorted(find_champions(self._list_versions()).items())]

    def list_tags(self) -> list[Mapping[str, str]]:
        """Return the tags of each version of every model, as one mapping per version."""
        return [version.tags for version in self._list_versions()]

    def _require_champion(self, name: str, expected: str, promoting: int = 0) -> None:
        champion = self._find_champion(name)
        require_champion(name, champion, expected, command=self._retrain, promoting=promoting)

    def _find_champion(self, name: str) -> ModelVersion | None:
        found = find_champions(self._list_versions(name)).get(name)
        return _read_version(found) if found else None

    def _find_deleted_champion(self, name: str) -> int:
        return find_deleted(self._store.database, name, CHAMPION, self._store.patience) if self._store.exists else 0

    @explained
    def get_version(self, name: str, version: int) -> ModelVersion:
        """See `Registry`."""
        found = self._list_versions(name, version)
        if not found:
            raise ModelNotFoundError(f"The model {name!r} has no version {version}. Train one with `{self._retrain}`.")
        return _read_version(found[0])

    @explained
    def fetch_model(self, model: ModelVersion, folder: Path) -> Path:
        """See `Registry`."""
        self._store.copy_artifacts(model.run_id, folder)
        verify_files(folder, model.files, f"model {model.name} version {model.version}")
        return folder

    def _list_versions(self, name: str | None = None, version: int | None = None) -> list[VersionRow]:
        if not self._store.exists:
            return []
        return read_versions(self._store.database, name, version, self._store.patience)

    def _ensure_model(self, name: str) -> None:
        if not self._store.client.search_registered_models(f"name='{name}'"):
            self._store.client.create_registered_model(name)


def _read_version(row: VersionRow) -> ModelVersion:
    what = f"The tag {FILES_TAG!r} of {row.name} version {row.version} in MLflow"
    files = decode_record(row.tags.get(FILES_TAG, "").encode(), dict[str, str], what, "Train and register again.")
    tags = {name: value for name, value in row.tags.items() if name != FILES_TAG}
    return ModelVersion(
        name=row.name,
        version=row.version,
        run_id=row.run_id,
        files=files,
        tags=tags,
        champion=CHAMPION in tags,
        registered=row.created / 1000,
    )
