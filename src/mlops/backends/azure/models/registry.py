"""Model versions in the workspace's model registry."""

import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

from mlops.backends.azure.connection.lock import Lease, LeaseLock
from mlops.backends.azure.connection.refusals import explain_refusals
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.models.artifacts import MODEL, download_folder, read_hashes, replace_folder, write_hashes
from mlops.backends.azure.models.champions import ChampionNotes
from mlops.backends.azure.models.looks import read_looks, write_looks
from mlops.backends.azure.models.tracking import find_run
from mlops.errors import ModelNotFoundError, PlatformError
from mlops.files.hashes import verify_files
from mlops.platform.models import ModelVersion, require_champion
from mlops.platform.trainings import TrainingRun

# The value of this tag counts promotions, and the version with the highest value is the champion. So a single write
# changes the champion, and readers need no lock.
CHAMPION = "champion"
WRITES = 5  # attempts to set a version's tags if another program overwrites them


class SdkModel(Protocol):
    """A version of a model: ``azureml.core.Model``."""

    name: str
    version: int
    run_id: str | None
    tags: Mapping[str, str] | None
    properties: Mapping[str, str] | None
    created_time: datetime | None

    def download(self, target_dir: str) -> str:
        """Copy the version's files to a folder, and return its path."""

    def update_tags_properties(
        self, add_tags: Mapping[str, str] | None = None, remove_tags: list[str] | None = None
    ) -> None:
        """Add and remove tags of the version."""

    def delete(self) -> None:
        """Delete the version."""


class AzureRegistry:
    """See `mlops.platform.models.Registry`."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
        self._notes = ChampionNotes(session)

    def register(
        self, name: str, run: TrainingRun, tags: Mapping[str, str], *, expected: str | None = None
    ) -> ModelVersion:
        """See `Registry`."""
        with explain_refusals(self._session, f"register the model {name!r}"):
            found = find_run(self._session, run.run_id)
            with tempfile.TemporaryDirectory() as scratch:
                folder = download_folder(found, MODEL, Path(scratch, "model"))
                verify_files(folder, run.files, f"training run {run.run_id}")
            with self._lock(name).hold() as lease:
                # Older versions of `mlops` wrote no notes.
                if champion := _choose_champion(self._list(name, tags=[CHAMPION])):
                    self._notes.write(name, champion.version, overwrite=False)
                if not self._list(name, run_id=run.run_id):
                    if expected is not None:
                        self._require_champion(name, expected)
                    lease.check()
                    found.register_model(name, MODEL, tags=dict(tags), properties=write_hashes(run.files))
                return self._delete_duplicates(name, run.run_id)

    def _delete_duplicates(self, name: str, run_id: str) -> ModelVersion:
        # If Azure's answer was lost, the SDK registered the training again.
        first, *others = sorted(self._list(name, run_id=run_id), key=lambda model: model.version)
        for other in others:
            other.delete()
        return self._read(first)

    def promote(self, name: str, version: int, *, expected: str) -> ModelVersion:
        """See `Registry`."""
        doing = f"promote version {version} of the model {name!r}"
        with explain_refusals(self._session, doing), self._lock(name).hold() as lease:
            self._require_champion(name, expected, version)
            tagged = self._list(name, tags=[CHAMPION])
            turn = 1 + max((_read_promotion_number(model) for model in tagged), default=0)
            others = [model.version for model in tagged if model.version != version]
            if others or not tagged:
                self._set_champion_tag(lease, name, version, str(turn))
            for other in others:
                self._set_champion_tag(lease, name, other, "")
            lease.check()
            self._notes.write(name, version)
        return self.get_version(name, version)

    def _set_champion_tag(self, lease: Lease, name: str, version: int, value: str) -> None:
        # Other programs do not take the lock. They can read the tags before this write, then write the old tags.
        for _ in range(WRITES):
            model = self._get(name, version)
            if (model.tags or {}).get(CHAMPION, "") == value:
                return
            lease.check()
            if value:
                model.update_tags_properties(add_tags={CHAMPION: value})
            else:
                model.update_tags_properties(remove_tags=[CHAMPION])
        raise PlatformError(
            f"Another program overwrote the tags of version {version} of the model {name!r} {WRITES} times. "
            "Stop the program that writes them, then promote again."
        )

    def find_champion(self, name: str) -> ModelVersion | None:
        """See `Registry`."""
        with explain_refusals(self._session, f"look up the champion of the model {name!r}"):
            champion = _choose_champion(self._list(name, tags=[CHAMPION]))
            if champion is None:
                self._notes.require_none(name, lambda: bool(self._list(name)))
                return None
        return _read_version(champion, champion=True)

    def record_look(self, champion: ModelVersion, evidence: str) -> int:
        """See `Registry`."""
        doing = f"record a comparison with version {champion.version} of the model {champion.name!r}"
        with explain_refusals(self._session, doing), self._lock(champion.name).hold() as lease:
            found = read_looks(self._session, champion.name)
            looks = found.add(champion, evidence)
            if looks is not found:
                lease.check()
                write_looks(self._session, champion.name, looks)
        return looks.find_number(champion, evidence)

    def _require_champion(self, name: str, expected: str, promoting: int = 0) -> None:
        found = _choose_champion(self._list(name, tags=[CHAMPION]))
        champion = _read_version(found, champion=True) if found else None
        command = "mlops submit retrain --platform azure"
        require_champion(name, champion, expected, command=command, promoting=promoting)

    def get_version(self, name: str, version: int) -> ModelVersion:
        """See `Registry`."""
        with explain_refusals(self._session, f"look up version {version} of the model {name!r}"):
            return self._read(self._get(name, version))

    def fetch_model(self, model: ModelVersion, folder: Path) -> Path:
        """See `Registry`."""
        doing = f"fetch version {model.version} of the model {model.name!r}"
        with explain_refusals(self._session, doing), tempfile.TemporaryDirectory() as scratch:
            self._get(model.name, model.version).download(scratch)
            replace_folder(Path(scratch, Path(MODEL).name), folder)
        verify_files(folder, model.files, f"model {model.name} version {model.version}")
        return folder

    def _read(self, model: SdkModel) -> ModelVersion:
        champion = None
        if CHAMPION in (model.tags or {}):
            champion = _choose_champion(self._list(model.name, tags=[CHAMPION]))
        return _read_version(model, champion=champion is not None and champion.version == model.version)

    def _lock(self, name: str) -> LeaseLock:
        return LeaseLock(self._session, f"models/{name}")

    def _get(self, name: str, version: int) -> SdkModel:
        from azureml.core import Model
        from azureml.exceptions import WebserviceException

        try:
            return Model(self._session.workspace, name, version=version, expand=False)
        except WebserviceException as error:
            if "ModelNotFound" not in error.message:
                raise
            raise ModelNotFoundError(
                f"The model {name!r} has no version {version}. Train one with `mlops run retrain --platform azure`."
            ) from error

    def _list(self, name: str, *, tags: list[str] | None = None, run_id: str | None = None) -> list[SdkModel]:
        from azureml.core import Model

        return list(Model.list(self._session.workspace, name, tags=tags, run_id=run_id, expand=False))


def _choose_champion(tagged: Iterable[SdkModel]) -> SdkModel | None:
    return max(tagged, key=lambda model: (_read_promotion_number(model), model.version), default=None)


def _read_promotion_number(model: SdkModel) -> int:
    value = (model.tags or {}).get(CHAMPION) or ""
    return int(value) if value.isdigit() else 0


def _read_version(model: SdkModel, *, champion: bool) -> ModelVersion:
    return ModelVersion(
        name=model.name,
        version=int(model.version),
        run_id=model.run_id or "",
        files=read_hashes(model.properties or {}),
        tags=dict(model.tags or {}),
        champion=champion,
        registered=model.created_time.timestamp() if model.created_time else 0.0,
    )
