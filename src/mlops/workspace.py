"""The folders of a project, including MLOPS_HOME, which contains the state that outlives a run."""

# Different versions of `mlops` can use the same MLOPS_HOME, so the file `format` in it contains a format number. Code
# that reads the folder calls `check_home` first, and code that writes to it calls `mark_home`.

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import IntegrityError, UsageError
from mlops.files.atomic import write_atomically
from mlops.files.records import read_content, require_format

# Format 2 adds datasets/catalogue.json. Format 3 adds training-rows, and rollbacks in the state of an environment.
# Format 4 adds the name of the data set to each entry of the catalogue, because a home can have data of several
# problems. This version also reads format 1 (a home without a number) and the formats 2 and 3, without an upgrade.
HOME_FORMAT = 4
FORMAT_FILE = "format"
SERVICE_ENVIRONMENTS = "environments"  # a folder in MLOPS_HOME; its content can be created again


@dataclass(frozen=True)
class Workspace:
    """The folders that a command works on.

    Parameters
    ----------
    project : Path
        The folder with ``notebooks/`` and ``parameters/``.
    home : Path
        The folder with the state that outlives a run: registry, images, services, keys.
    outputs : Path
        The folder of the results: one folder per run, and ``index.html``, the list of all runs.
    """

    project: Path
    home: Path
    outputs: Path

    @property
    def notebooks(self) -> Path:
        """The folder of the notebooks."""
        return self.project / "notebooks"

    @property
    def parameters(self) -> Path:
        """The folder of the parameter files."""
        return self.project / "parameters"

    @property
    def packages(self) -> tuple[str, ...]:
        """The names of the project's own packages and modules, which are in ``src/``."""
        found = (self.project / "src").glob("[a-zA-Z]*")
        return tuple(sorted(path.stem for path in found if path.suffix == ".py" or (path / "__init__.py").is_file()))


def find_workspace(environ: Mapping[str, str] | None = None, start: Path | None = None) -> Workspace:
    """Return the folders of the project that the current folder belongs to.

    Parameters
    ----------
    environ : mapping, optional
        The environment variables. ``MLOPS_HOME`` (default ``<project>/.mlops``) and ``MLOPS_OUTPUTS``
        (default ``<project>/outputs``) name the two folders that the engine writes to.
    start : Path, optional
        The folder in which the search begins. The default is the current folder. The project is the nearest folder,
        from `start` upwards, that has ``parameters/base.yml``. If there is no such folder, the project is the checkout
        that this package was installed from.

    Raises
    ------
    UsageError
        If no project is found, or if MLOPS_HOME, MLOPS_OUTPUTS or one of their parents is a file or cannot be entered.
    """
    environ = os.environ if environ is None else environ
    start = (start or Path.cwd()).resolve()
    checkout = Path(__file__).resolve().parents[2]
    for folder in (start, *start.parents, checkout):
        if (folder / "parameters" / "base.yml").is_file():
            break
    else:
        raise UsageError(f"There is no project at {start}. Go to the folder with parameters/base.yml and try again.")
    return Workspace(
        project=folder,
        home=_find_named_folder(environ, "MLOPS_HOME", folder / ".mlops"),
        outputs=_find_named_folder(environ, "MLOPS_OUTPUTS", folder / "outputs"),
    )


def _find_named_folder(environ: Mapping[str, str], variable: str, default: Path) -> Path:
    named = environ.get(variable, "")
    folder = Path(named or default).resolve()
    whose = f"{variable} is {named!r}" if named else f"{folder} must be a folder"
    try:
        existing = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    except PermissionError as error:
        closed = next(path for path in reversed(folder.parents) if not os.access(path, os.X_OK))
        raise UsageError(
            f"{whose}, but you have no permission to enter {closed}. Set {variable} to a folder of your own."
        ) from error
    if existing.exists() and not existing.is_dir():
        place = f"{existing} is a file" if existing != folder or named else "it is a file"
        advice = f"Set {variable} to a folder" if named else f"Move the file, or set {variable} to a folder"
        raise UsageError(f"{whose}, but {place}. {advice}.")
    return folder


def read_home_format(home: Path) -> int:
    """Return the format number of MLOPS_HOME, or 1 if the folder has no format number.

    Raises
    ------
    IntegrityError
        If the file with the format number does not contain a number.
    """
    path = home / FORMAT_FILE
    try:
        return int(read_content(path).decode())
    except (FileNotFoundError, NotADirectoryError):
        return 1
    except ValueError as error:
        raise IntegrityError(
            f"{path} is damaged: it must contain a format number. "
            f"Restore it from a backup, or write {HOME_FORMAT} into it if this version created the folder."
        ) from error


def check_home(home: Path, newest: int = HOME_FORMAT) -> None:
    """Raise an error if a newer version has written to MLOPS_HOME.

    Parameters
    ----------
    home : Path
        The folder, which may be missing.
    newest : int
        The newest format that this version of `mlops` can read.

    Raises
    ------
    FormatError
        If the format number of the folder is higher than `newest`.
    """
    require_format(read_home_format(home), newest, f"The home {home}")


def mark_home(home: Path, newest: int = HOME_FORMAT) -> None:
    """Set the format number of MLOPS_HOME to `newest`, and create the folder if it does not exist.

    Raises
    ------
    FormatError
        If the format number of the folder is higher than `newest`.
    IntegrityError
        If the file with the format number does not contain a number.
    """
    check_home(home, newest)
    if not (home / FORMAT_FILE).is_file() or read_home_format(home) < newest:
        write_atomically(home / FORMAT_FILE, f"{newest}\n")


def mark_new_home(home: Path) -> None:
    """Set the format number of MLOPS_HOME to `HOME_FORMAT` if the folder is missing or empty."""
    # A folder with files but without a number has format 1.
    if not home.is_dir() or not any(home.iterdir()):
        mark_home(home)
