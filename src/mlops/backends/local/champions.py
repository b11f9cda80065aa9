"""A record of each champion, kept in MLOPS_HOME because anyone can delete a version from MLflow's database.

Without this record, a deleted champion would look like "no champion yet", and the next model would be promoted
unchecked.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from mlops.errors import IntegrityError
from mlops.files.atomic import write_atomically
from mlops.files.records import read_record


@dataclass(frozen=True)
class Note:
    """The note of a model: the version that was promoted last."""

    version: int


class ChampionNotes:
    """The notes of all models: one small file per model, written after each promotion.

    Parameters
    ----------
    home : Path
        MLOPS_HOME.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    def write(self, name: str, version: int) -> None:
        """Record the champion of a model."""
        write_atomically(self._locate(name), msgspec.json.encode(asdict(Note(version))))

    def read(self, name: str) -> int:
        """Return the version that was promoted last, or 0 if there is no note.

        There is none before the first promotion, or if an older version of the engine promoted the champion.
        """
        path = self._locate(name)
        advice = "Delete it, and the next promotion writes it again."
        return read_record(path, Note, advice).version if path.is_file() else 0

    def explain_loss(self, name: str, version: int, database: Path, remaining: Collection[int]) -> IntegrityError:
        """Return the error for a model that lost its champion, with advice.

        Parameters
        ----------
        name : str
            The name of the model.
        version : int
            The champion in the note.
        database : Path
            MLflow's database.
        remaining : collection of int
            The versions that MLflow still has. If the champion is one of them, only its tag was lost.
        """
        start = f"or delete {self._locate(name)} to promote the next model as the first one."
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

    def _locate(self, name: str) -> Path:
        return self._home / "champions" / f"{name}.json"
