"""Champion notes: for each model, a small file that names the version that was promoted last."""

# With the note, the deletion of a champion in MLflow can be detected.

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from mlops.backends.local.store.queries import VersionRow
from mlops.errors import IntegrityError
from mlops.files.atomic import write_atomically
from mlops.files.records import read_record

CHAMPION = "champion"  # the tag that marks a version as the champion


@dataclass(frozen=True)
class Note:
    """The last promoted version of a model. Version 0 stands for a model without a champion."""

    version: int


def find_champions(versions: Iterable[VersionRow]) -> dict[str, VersionRow]:
    """Return the champion (the highest version with the tag `champion`) of each model, by the model's name."""
    # During a promotion, two versions can have the tag.
    tagged = sorted((row for row in versions if CHAMPION in row.tags), key=lambda row: row.version)
    return {row.name: row for row in tagged}


class ChampionNotes:
    """The files that record the champion of each model.

    Parameters
    ----------
    home : Path
        MLOPS_HOME.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    def write(self, name: str, version: int) -> None:
        """Record a version as the champion of a model."""
        write_atomically(self.locate(name), msgspec.json.encode(asdict(Note(version))))

    def read(self, name: str) -> int | None:
        """Return the last promoted version of a model, or None if no promotion was recorded."""
        path = self.locate(name)
        advice = "Delete it, and the next promotion writes it again."
        return read_record(path, Note, advice).version if path.exists() else None

    def list_outdated(self, versions: Iterable[VersionRow]) -> list[VersionRow]:
        """Return the champions among `versions` that are not yet recorded in the notes of their models."""
        return [row for name, row in find_champions(versions).items() if self.read(name) != row.version]

    def locate(self, name: str) -> Path:
        """Return the path of the file that records a model's champion."""
        return self._home / "champions" / f"{name}.json"

    def explain_loss(self, name: str, version: int, database: Path, remaining: Collection[int]) -> IntegrityError:
        """Return the error for a model whose champion was deleted or lost its tag in MLflow.

        Parameters
        ----------
        name : str
            The name of the model.
        version : int
            The version that was the champion.
        database : Path
            MLflow's database.
        remaining : collection of int
            The versions of the model that MLflow still has.
        """
        start = f'or write {{"version": 0}} to {self.locate(name)} to promote the next model without a comparison.'
        if version in remaining:
            return IntegrityError(
                f"The champion of {name!r}, version {version}, lost its tag `champion` in MLflow. Set the tag there "
                f"again, on this version or on another one, {start}"
            )
        if remaining:
            return IntegrityError(
                f"The champion of {name!r}, version {version}, was deleted in MLflow. Restore {database} from a "
                f"backup, set the tag `champion` on another version there, {start}"
            )
        if database.exists():
            return IntegrityError(
                f"MLflow no longer has any version of the model {name!r}, whose champion was version {version}. "
                f"Restore {database} from a backup, {start}"
            )
        return IntegrityError(
            f"{database} is missing, and with it the champion of {name!r}, version {version}. Restore the file from a "
            f"backup, {start}"
        )
