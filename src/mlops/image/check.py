"""The check of the files from which an image is created. It does not run them."""

import ast
from pathlib import Path

from mlops.errors import ProblemError
from mlops.image.bundle import list_unhashed
from mlops.image.code import list_defined, parse_code
from mlops.image.imports import check_imports
from mlops.image.sources import ImageSources

READS_BODY = (
    "{} reads the body of a request itself, as on Azure. So the service does not check rows. It collects requests "
    "and answers as text, and returns what the script returns."
)
FUNCTIONS = ("init", "run")  # the functions that the server calls


def check_sources(sources: ImageSources, environment: Path | None = None) -> list[str]:
    """Check whether an image with these files can work. The files are not run, so some faults are not found.

    Parameters
    ----------
    sources : ImageSources
        The files of the image.
    environment : Path, optional
        The folder of a virtual environment with the packages of the lock; see `mlops.image.imports.check_imports`.

    Returns
    -------
    list of str
        A sentence for each import that could not be checked. If the script reads the body of a request itself, also a
        sentence about this.

    Raises
    ------
    ProblemError
        If the lock is damaged, if the files import modules that the image does not contain, or if the scoring script
        does not define the functions that the server calls.
    """
    unchecked = check_imports(sources, environment)
    script = sources.shorten(sources.script)
    require_functions(sources.script, script)
    return unchecked if sources.schema else [*unchecked, READS_BODY.format(script)]


def require_hashes(requirements: Path) -> None:
    """Raise an error if a lock pins a package without a hash.

    Raises
    ------
    ProblemError
        If a hash is missing.
    """
    if unhashed := list_unhashed(requirements):
        raise ProblemError(
            f"{requirements} has no hash for {', '.join(unhashed)}. Write the file with `uv pip compile "
            "--generate-hashes`."
        )


def require_functions(script: Path, shown: str) -> None:
    """Raise an error if a scoring script does not define the functions that the server calls.

    Parameters
    ----------
    script : Path
        The scoring script.
    shown : str
        The name of the script in messages.

    Raises
    ------
    ProblemError
        If a function is missing, or if the script is not valid Python.
    """
    imports = (node for node in parse_code(script, shown).body if isinstance(node, ast.ImportFrom))
    if any(alias.name == "*" for node in imports for alias in node.names):
        return
    defined = list_defined(script, shown)
    missing = [f"{name}()" for name in FUNCTIONS if name not in defined]
    if missing:
        it = "them" if missing[1:] else "it"
        raise ProblemError(
            f"{shown} does not define {' and '.join(missing)}, which the server calls. Define {it} there."
        )
