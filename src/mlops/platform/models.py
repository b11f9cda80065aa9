"""The interface to models: registered versions, one of which is the champion.

The gate is the test that decides whether a new model is promoted to champion. A person can overrule it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mlops.errors import ConflictError
from mlops.files.hashes import hash_listing
from mlops.pipelines.tags import OVERRIDDEN_BY, OVERRIDE_REASON
from mlops.platform.trainings import TrainingRun
from mlops.record.summary import OVERRULED

LOOKS_DAMAGED = "Restore it from a backup, or delete it to count the comparisons from 1 again."


@dataclass(frozen=True)
class ModelVersion:
    """A version of a registered model.

    `files` has the SHA-256 of each file by relative path. `registered` is the time of the registration, in seconds
    since 1970; 0 if it is unknown.
    """

    name: str
    version: int
    run_id: str
    files: Mapping[str, str]
    tags: Mapping[str, str]
    champion: bool = False
    registered: float = field(default=0.0, compare=False)

    @property
    def identity(self) -> str:
        """A text that identifies the version, even if a restored registry reuses its number for a different model."""
        return f"{self.name}:{self.version}:{self.run_id}:{hash_listing(self.files)}"

    @property
    def title(self) -> str:
        """The name for display: "churn version 2", or "churn version 2 (gate overruled)"."""
        return name_version(self.name, self.version, self.override)

    @property
    def full_title(self) -> str:
        """The name with the reason for an override: "churn version 2 (gate overruled by ada: urgent)"."""
        return name_version_fully(self.name, self.version, self.override)

    @property
    def override(self) -> str:
        """The person who overruled the gate and promoted the model, and the reason; empty if the gate decided."""
        why, user = self.tags.get(OVERRIDE_REASON, ""), self.tags.get(OVERRIDDEN_BY, "")
        by = f" by {user}" if user else ""
        return f"{OVERRULED}{by}: {why}" if why else ""


def name_version(name: str, version: int, override: str = "") -> str:
    """Return the name of a version for display: "churn version 2", or "churn version 2 (gate overruled)"."""
    return f"{name} version {version}" + (f" ({OVERRULED})" if override else "")


def name_version_fully(name: str, version: int, override: str = "") -> str:
    """Return the name of a version with the reason for an override: "churn version 2 (gate overruled by ada: late)"."""
    return f"{name} version {version}" + (f" ({override})" if override else "")


def require_champion(
    name: str, current: ModelVersion | None, expected: str, *, command: str, promoting: int = 0
) -> None:
    """Check that the champion with which a new model was compared is still the champion.

    Parameters
    ----------
    name : str
        The name of the model.
    current : ModelVersion or None
        The current champion.
    expected : str
        The identity of the champion that the new model was compared with; empty if there was none.
    command : str
        The command that repeats the comparison; used in the error message.
    promoting : int
        The version of the new model; 0 if it has none yet. If this version is already the champion, the check passes,
        because an earlier attempt promoted it.

    Raises
    ------
    ConflictError
        If another version has become the champion in the meantime.
    """
    found = current.identity if current else ""
    if found == expected or (current and current.version == promoting):
        return
    before, now = (f"version {identity.split(':')[1]}" if identity else "" for identity in (expected, found))
    if before == now:
        now = f"a different {now}, from another training"
    compared = f"was compared with {before}" if before else "was evaluated when there was no champion"
    change = f"the champion is now {now}" if now else "there is no champion now"
    raise ConflictError(
        f"The new model of {name!r} {compared}, but {change}, so the new model was not promoted. Run `{command}` again."
    )


@dataclass(frozen=True)
class FailedTest:
    """A failed service test: the name of the tested image, the identity of its model, and the image's digest.

    In old records, the identity and the digest can be empty.
    """

    image: str
    model_identity: str = ""
    digest: str = ""

    def concerns(self, image: str, model_identity: str) -> bool:
        """Return whether the tested model version is the one in `image`."""
        return is_same_model(self.image, self.model_identity, image, model_identity)


@dataclass(frozen=True)
class Looks:
    """The comparisons of new models with each champion. Each comparison is identified by a hash of what was compared.

    Parameters
    ----------
    looks : mapping of str to tuple of str
        The hashes of the comparisons with each champion, oldest first; the keys are the identities of the champions.
    """

    looks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, champion: ModelVersion, evidence: str) -> "Looks":
        """Return a copy with one more comparison, or this object if it already has the hash `evidence`."""
        known = self.looks.get(champion.identity, ())
        return self if evidence in known else Looks({**self.looks, champion.identity: (*known, evidence)})

    def find_number(self, champion: ModelVersion, evidence: str) -> int:
        """Return the number of a comparison. The first comparison with this champion has the number 1."""
        return self.looks[champion.identity].index(evidence) + 1


class Registry(Protocol):
    """The registry of model versions. At most one version of each model is its champion."""

    def register(
        self, name: str, run: TrainingRun, tags: Mapping[str, str], *, expected: str | None = None
    ) -> ModelVersion:
        """Create the next version of a model with all its tags, and return it; called by the notebook 04_register.

        If the call fails, no version is created. Safe to call again: a training that is already registered keeps its
        version. `expected` is the identity of the champion with which the model was compared, or "" if there was none.
        Raises ConflictError if the champion has another identity now; this is not checked if `expected` is None.
        """
        ...

    def promote(self, name: str, version: int, *, expected: str) -> ModelVersion:
        """Make a version the champion of its model, and return the version; called by the notebook 04_register.

        `expected` is the identity of the champion with which the model was compared; "" if there was none. Safe to call
        again. Raises ConflictError if another version has become the champion in the meantime.
        """
        ...

    def find_champion(self, name: str) -> ModelVersion | None:
        """Return the champion of a model, or None before the first promotion.

        Called by the notebooks 03_evaluate and 05_create_image, and by `mlops status`. Raises IntegrityError if the
        platform detects that the champion was deleted.
        """
        ...

    def record_look(self, champion: ModelVersion, evidence: str) -> int:
        """Record a comparison with a champion, and return its number; called by the notebook 03_evaluate.

        The first comparison with a champion has the number 1. `evidence` is a hash of the comparison. Safe to call
        again: the same evidence keeps its number.
        """
        ...

    def get_version(self, name: str, version: int) -> ModelVersion:
        """Return one version of a model; raises ModelNotFoundError if it does not exist."""
        ...

    def fetch_model(self, model: ModelVersion, folder: Path) -> Path:
        """Copy the files of a version to `folder`, check their hashes, and return the folder.

        Called by the notebooks 03_evaluate, 05_create_image and 07_test_service. Raises IntegrityError if a file has
        changed.
        """
        ...


def is_same_model(image: str, identity: str, other_image: str, other_identity: str) -> bool:
    """Return whether two images contain the same model version.

    This is the case if both images have the same name, such as "churn:2", and their models have the same identity. An
    empty identity counts as equal to any other.
    """
    return image == other_image and ("" in (identity, other_identity) or identity == other_identity)
