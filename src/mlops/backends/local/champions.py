"""The champions of MLOPS_HOME, written down beside MLflow's database, in which anyone may delete a version.

Without this note, a deleted champion looks as if there had never been one, and the next model is promoted unseen.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from mlops.errors import IntegrityError
from mlops.files.atomic import write_atomically
from mlops.files.records import read_record


@dataclass(frozen=True)
class Note:
    """The version that was promoted last."""

    version: int


class ChampionNotes:
    """One small file per model, written after each promotion.

    Parameters
    ----------
    home : Path
        MLOPS_HOME.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    def write(self, name: str, version: int) -> None:
        """Write down which version of a model is the champion."""
        write_atomically(self._locate(name), msgspec.json.encode(asdict(Note(version))))

    def read(self, name: str) -> int:
        """Return the version that was promoted last; 0 if none was, or if an older version of the engine did it."""
        path = self._locate(name)
        advice = "Delete it; the next promotion writes it again."
        return read_record(path, Note, advice).version if path.is_file() else 0

    def explain_loss(self, name: str, version: int, database: Path, *, exists: bool) -> IntegrityError:
        """Return the error for a model whose champion is no longer there, with what to do.

        Parameters
        ----------
        name : str
            The model.
        version : int
            The champion that was written down.
        database : Path
            MLflow's database.
        exists : bool
            Whether MLflow still has the version, which then has lost its tag.
        """
        start = f"To promote the next model as the first one, delete {self._locate(name)}."
        if exists:
            return IntegrityError(
                f"The champion of {name!r}, version {version}, has lost its tag `champion` in MLflow. Set the tag "
                f"there again, on this version or on another one. {start}"
            )
        return IntegrityError(
            f"The champion of {name!r}, version {version}, was deleted in MLflow. Restore {database} from a backup, or "
            f"set the tag `champion` on another version there. {start}"
        )

    def _locate(self, name: str) -> Path:
        return self._home / "champions" / f"{name}.json"
