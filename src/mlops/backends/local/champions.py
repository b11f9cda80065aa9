"""Notes of the champions: a small file for each model, which names the version that was promoted last.

Anyone can delete a champion in MLflow. Without a note, the model would then seem to have no champion yet, and the next
version would be promoted without a comparison. Older versions of the engine wrote no notes. Therefore every write to
MLflow's database first writes the missing notes.
"""

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
    """The note of a model: the version that was promoted last.

    A person can write version 0 into the file. The next model is then promoted without a comparison, as a first model.
    """

    version: int


def find_champions(versions: Iterable[VersionRow]) -> dict[str, VersionRow]:
    """Return the champion of each model: the version with the tag `champion`.

    During a promotion, two versions can have the tag. The higher one is then returned.
    """
    tagged = sorted((row for row in versions if CHAMPION in row.tags), key=lambda row: row.version)
    return {row.name: row for row in tagged}


class ChampionNotes:
    """The notes that record the champion of each model: one small file per model, written after each promotion.

    If a person sets the tag `champion` on another version in MLflow, the note is updated to that version.

    Parameters
    ----------
    home : Path
        MLOPS_HOME.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    def write(self, name: str, version: int) -> None:
        """Write the note of a model's champion."""
        write_atomically(self.locate(name), msgspec.json.encode(asdict(Note(version))))

    def read(self, name: str) -> int | None:
        """Return the version that was promoted last, or None if there is no note.

        There is no note before the first promotion, or if an older version of the engine promoted the champion.
        """
        path = self.locate(name)
        advice = "Delete it, and the next promotion writes it again."
        return read_record(path, Note, advice).version if path.is_file() else None

    def list_outdated(self, versions: Iterable[VersionRow]) -> list[VersionRow]:
        """Return the champions without a correct note: the model's note is missing or names another version."""
        return [row for name, row in find_champions(versions).items() if self.read(name) != row.version]

    def locate(self, name: str) -> Path:
        """Return the path of a model's note."""
        return self._home / "champions" / f"{name}.json"

    def explain_loss(self, name: str, version: int, database: Path, remaining: Collection[int]) -> IntegrityError:
        """Return the error for a model that lost its champion, with advice.

        Parameters
        ----------
        name : str
            The name of the model.
        version : int
            The champion in the note, or the deleted version that still has the tag.
        database : Path
            MLflow's database.
        remaining : collection of int
            The versions that MLflow still has. If the champion is one of them, only its tag was lost.
        """
        start = f'or write {{"version": 0}} to {self.locate(name)} to promote the next model as the first one.'
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
