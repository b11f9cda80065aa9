"""The seam of models: registered versions, one of which is the champion."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mlops.errors import ConflictError
from mlops.platform.trainings import TrainingRun

OVERRIDE_REASON, OVERRIDDEN_BY = "override_reason", "overridden_by"  # tags of a version


@dataclass(frozen=True)
class ModelVersion:
    """A registered model: where it came from (`run_id`, `tags`), what it is (`files`), whether it is the champion."""

    name: str
    version: int
    run_id: str
    files: Mapping[str, str]
    tags: Mapping[str, str]
    champion: bool = False

    @property
    def title(self) -> str:
        """Its name and version, with a mark if it was promoted over the gate; wherever people read of it."""
        return f"{self.name} version {self.version}" + (f" ({self.override})" if self.override else "")

    @property
    def override(self) -> str:
        """The person who promoted it over the gate, and the reason; empty if the gate decided."""
        why, user = self.tags.get(OVERRIDE_REASON, ""), self.tags.get(OVERRIDDEN_BY, "")
        by = f" by {user}" if user else ""
        return f"promoted over the gate{by}: {why}" if why else ""


def require_champion(name: str, current: int, *allowed: int, command: str) -> None:
    """Refuse to promote a model that was compared with a champion which is no longer the champion.

    Parameters
    ----------
    name : str
        The model.
    current : int
        The version that is the champion now; 0 for none.
    *allowed : int
        The versions that it may be; the new model was compared with the first.
    command : str
        Compares again, on the platform of the registry.

    Raises
    ------
    ConflictError
        If the champion is another version.
    """
    if current not in allowed:
        raise ConflictError(
            f"The new model of {name!r} is not promoted: it was compared with version {allowed[0]}, but the champion "
            f"is now version {current}. Run `{command}` again."
        )


class Registry(Protocol):
    """The registry of model versions, one of which is the champion."""

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
        """Return one version; raises ModelNotFoundError."""
        ...

    def fetch_model(self, model: ModelVersion, folder: Path) -> Path:
        """Copy a version's files to `folder` and check their hashes: no file is loaded that has changed.

        Called by 03_evaluate, 05_create_image and 07_test_service. Raises IntegrityError.
        """
        ...
