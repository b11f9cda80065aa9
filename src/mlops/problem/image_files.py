"""The modules that a problem shares between training and serving (`image_files`)."""

import sys
from pathlib import Path
from typing import ClassVar, Protocol

from mlops.errors import ProblemError

SCORING_SCRIPT = "score.py"  # the name of the scoring script, both in the problem's package and in an image
SCORING_LOCK = "score_requirements.lock"  # the packages that the scoring script needs
RESERVED = ("score", "serving")  # modules that every image contains


class Declared(Protocol):
    """The attributes of a problem that say where its modules are."""

    image_files: ClassVar[tuple[str, ...]]

    @property
    def folder(self) -> Path:
        """The folder of the package that declares the problem."""
        ...


def check_image_files(problem: Declared) -> None:
    """Check the names in a problem's `image_files`.

    Raises
    ------
    ProblemError
        If a name is not the name of a Python module, or is the name of a module that every image contains.
    """
    for name in problem.image_files:
        _check_name(problem, name)


def find_image_files(problem: Declared) -> list[Path]:
    """Return the paths of a problem's `image_files`.

    Raises
    ------
    ProblemError
        If a file is missing.
    """
    return [_find_file(problem, name) for name in problem.image_files]


def _check_name(problem: Declared, name: str) -> None:
    module = name.removesuffix(".py")
    if name != f"{module}.py" or not module.isidentifier():
        raise ProblemError(
            f"{problem} has {name!r} in `image_files`. Write the name of a module beside the declaration: features.py."
        )
    if module in sys.stdlib_module_names or module in RESERVED:
        raise ProblemError(
            f"{problem} has {name!r} in `image_files`, but an image already has a module {module}. Rename the file."
        )


def _find_file(problem: Declared, name: str) -> Path:
    path = problem.folder / name
    if not path.is_file():
        raise ProblemError(
            f"{problem} has {name!r} in `image_files`, but there is no {path}. Create the file, or correct the name."
        )
    return path
