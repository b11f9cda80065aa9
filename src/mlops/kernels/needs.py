"""The packages that a notebook imports, found by reading its source text."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

NOTEBOOK = "JPY_SESSION_NAME"  # the variable in which Jupyter's server tells a kernel the path of its notebook
IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<base>[\w.]+)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n#]+)"
    r"|import[ \t]+(?P<modules>[^\n#]+))",
    re.MULTILINE,
)
MOST, LARGEST = 32, 2**20  # the maximum number of notebooks of a folder that are read, and their maximum size in bytes
IMPORTS_BY_NAME = "import_module("
LOADER = "mlops.notebook.load_problem"  # a call of this function imports the package of the problem
NAME = re.compile(r"(?P<name>[\w.]+)(?:\s+as\s+\w+)?")


def find_needs(environ: Mapping[str, str], own: Sequence[str], path: Sequence[str] = sys.path) -> list[str] | None:
    """Return the packages that a notebook imports, either directly or through the project's own modules.

    Parameters
    ----------
    environ : mapping of str to str
        The environment variables of the notebook's kernel. JPY_SESSION_NAME is the path of the notebook.
    own : sequence of str
        The project's own packages.
    path : sequence of str
        The folders in which Python searches for these packages.

    Returns
    -------
    list of str or None
        The packages, or None if the notebook is unknown or cannot be read.
    """
    try:
        text = _read_code(Path(environ[NOTEBOOK]))
    except (KeyError, OSError, ValueError, TypeError):
        return None
    return _find_packages([text], own, path)


def find_expected(environ: Mapping[str, str], own: Sequence[str], path: Sequence[str] = sys.path) -> list[str]:
    """Return the packages that a kernel's notebook and the other notebooks in the same folder import.

    The parameters are those of `find_needs`.
    """
    if NOTEBOOK not in environ:
        return []
    texts = []
    for notebook in sorted(Path(environ[NOTEBOOK]).parent.glob("*.ipynb"))[:MOST]:
        with suppress(OSError, ValueError, TypeError, KeyError):
            if notebook.stat().st_size <= LARGEST:
                texts.append(_read_code(notebook))
    return _find_packages(texts, own, path)


def _find_packages(texts: Iterable[str], own: Sequence[str], path: Sequence[str]) -> list[str]:
    folders = [Path(folder) for folder in path if folder]
    packages, seen = set[str](), set[str]()
    waiting = [module for text in texts for module in _list_possible_imports(text)]
    while waiting:
        module = waiting.pop()
        root = module.split(".")[0]
        if module in seen:
            continue
        seen.add(module)
        if module == LOADER:
            waiting += own
        if root not in own:
            packages.add(root)
        elif source := _find_source(module, folders):
            text = source.read_text(encoding="utf-8", errors="replace")
            package = module if source.name == "__init__.py" else module.rpartition(".")[0]
            by_name = _list_subpackages(module, source) if IMPORTS_BY_NAME in text else ()
            waiting += [*_list_possible_imports(text, package), *by_name]
    return sorted(packages - {""})


def _read_code(path: Path) -> str:
    cells = json.loads(path.read_bytes())["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def _list_possible_imports(text: str, package: str = "") -> Iterable[str]:
    for found in IMPORT.finditer(text):
        names = [match["name"] for match in NAME.finditer(found["names"] or found["modules"])]
        if not found["base"]:
            yield from names
        elif base := _resolve_relative(found["base"], package):
            yield from [base, *(f"{base}.{name}" for name in names)]


def _resolve_relative(name: str, package: str) -> str:
    bare = name.lstrip(".")
    parents = package.split(".")[: len(package.split(".")) + 1 - (len(name) - len(bare))] if bare != name else []
    return ".".join([*parents, bare] if bare else parents)


def _find_source(module: str, folders: Iterable[Path]) -> Path | None:
    place = Path(*module.split("."))
    tried = (folder / option for folder in folders for option in (place.with_suffix(".py"), place / "__init__.py"))
    return next((found for found in tried if found.is_file()), None)


def _list_subpackages(module: str, source: Path) -> Iterable[str]:
    if source.name == "__init__.py":
        yield from (f"{module}.{found.parent.name}" for found in source.parent.glob("*/__init__.py"))
