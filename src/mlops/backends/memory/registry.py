"""Versions of models in memory."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import RLock

from mlops.backends.memory.tracking import MemoryTracker
from mlops.errors import ModelNotFoundError
from mlops.platform.models import Looks, ModelVersion, require_champion
from mlops.platform.trainings import TrainingRun


class MemoryRegistry:
    """See `mlops.platform.models.Registry`."""

    def __init__(self, tracker: MemoryTracker) -> None:
        self._tracker = tracker
        self._versions: dict[str, list[ModelVersion]] = {}
        self._looks: dict[str, Looks] = {}
        self._lock = RLock()

    def register(
        self, name: str, run: TrainingRun, tags: Mapping[str, str], *, expected: str | None = None
    ) -> ModelVersion:
        """See `Registry`."""
        with tempfile.TemporaryDirectory() as scratch:
            self._tracker.fetch_files(run, Path(scratch, "model"))
        with self._lock:
            versions = self._versions.setdefault(name, [])
            for version in versions:
                if version.run_id == run.run_id:
                    return version
            if expected is not None:
                self._require_champion(name, expected)
            versions.append(ModelVersion(name, len(versions) + 1, run.run_id, run.files, dict(tags)))
            return versions[-1]

    def promote(self, name: str, version: int, *, expected: str) -> ModelVersion:
        """See `Registry`."""
        with self._lock:
            self._require_champion(name, expected, version)
            known = self._versions[name]
            known[:] = [replace(found, champion=found.version == version) for found in known]
            return self.get_version(name, version)

    def find_champion(self, name: str) -> ModelVersion | None:
        """See `Registry`."""
        return next((version for version in self._versions.get(name, ()) if version.champion), None)

    def record_look(self, champion: ModelVersion, evidence: str) -> int:
        """See `Registry`."""
        with self._lock:
            self._looks[champion.name] = looks = self._looks.get(champion.name, Looks()).add(champion, evidence)
            return looks.find_number(champion, evidence)

    def get_version(self, name: str, version: int) -> ModelVersion:
        """See `Registry`."""
        for found in self._versions.get(name, ()):
            if found.version == version:
                return found
        raise ModelNotFoundError(f"The model {name!r} has no version {version}. Train one with `mlops run retrain`.")

    def fetch_model(self, model: ModelVersion, folder: Path) -> Path:
        """See `Registry`."""
        return self._tracker.fetch_files(TrainingRun(model.run_id, model.files), folder)

    def _require_champion(self, name: str, expected: str, promoting: int = 0) -> None:
        champion = self.find_champion(name)
        require_champion(name, champion, expected, command="mlops run retrain", promoting=promoting)
