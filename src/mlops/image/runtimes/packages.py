"""The packages of an image: those of the problem's lock, and those that the runtime of the model needs."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.utils import canonicalize_name

from mlops.errors import ProblemError

# The server works without `FASTER_PACKAGES`. Together, these are the extra `scoring` of pyproject.toml.
SERVER_PACKAGES = ("httptools", "msgspec", "numpy", "uvicorn", "uvloop")
FASTER_PACKAGES = ("orjson", "pysimdjson", "zlib-ng")
RUNTIME_PACKAGES: dict[str, tuple[str, ...]] = {
    "numbers": (),
    "onnx": ("onnxruntime",),
    "skops": ("scikit-learn", "skops"),
}
TABLE_PACKAGES = ("pandas",)
MODEL_FILES = {"onnx": "model.onnx", "skops": "model.skops"}
PROJECT_LOCK = "requirements.lock"
ENTRY = re.compile(r"(?m)^(?=[A-Za-z0-9])")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
PARENT = re.compile(r"(?m)^ +#(?: via)? +([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True)
class Entry:
    """A package in a lock.

    Parameters
    ----------
    name : str
        The name of the package.
    text : str
        Its version and hashes, as lines of the lock.
    parents : frozenset of str
        The packages that need this one; empty if the lock has no comments that name them.
    """

    name: str
    text: str
    parents: frozenset[str]


class Lock:
    """A lock that ``uv pip compile`` wrote, with comments that say, for each package, which others need it.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The packages, in the order of the file."""
        return tuple(map(_read_entry, ENTRY.split(self.path.read_text(encoding="utf-8"))[1:]))

    def find_closure(self, names: Iterable[str]) -> set[str]:
        """Return the given packages and all packages that they need.

        Raises
        ------
        ProblemError
            If the lock does not list one of the packages.
        """
        found = set(names)
        if unknown := sorted(found - {entry.name for entry in self.entries}):
            raise ProblemError(f"{self.path} does not list {', '.join(unknown)}. Run `make lock`.")
        while added := {entry.name for entry in self.entries if entry.parents & found} - found:
            found |= added
        return found


def name_runtime(files: Iterable[str]) -> str:
    """Return the runtime of an image, which must have one, given the names of its files."""
    names = {name.rpartition("/")[2] for name in files}
    return next((runtime for runtime, file in MODEL_FILES.items() if file in names), "numbers")


def list_compositions(base: Path, lock: Path) -> Iterator[str]:
    """Yield the requirements of an image for each runtime that it can have; see `compose_requirements`.

    A runtime is left out if the lock of the project does not list its packages.
    """
    for names in (*RUNTIME_PACKAGES.values(), (*RUNTIME_PACKAGES["skops"], *TABLE_PACKAGES)):
        try:
            yield compose_requirements(base, lock, names)
        except ProblemError:
            continue


def compose_requirements(base: Path, lock: Path, names: Iterable[str]) -> str:
    """Return the requirements of an image: those in `base`, and the packages `names` with all that they need.

    Parameters
    ----------
    base : Path
        The lock of the problem's packages. If it is the lock of the project, only the packages of the server are taken
        from it.
    lock : Path
        The lock of the project, which has the versions and hashes of the other packages.
    names : iterable of str
        The packages to add.

    Raises
    ------
    ProblemError
        If the lock of the project does not list a package.
    """
    project = Lock(lock)
    if base == lock:
        wanted = project.find_closure({*SERVER_PACKAGES, *FASTER_PACKAGES, *names})
        return "".join(entry.text for entry in project.entries if entry.name in wanted)
    present = {entry.name for entry in Lock(base).entries}
    added = project.find_closure(names) - present
    text = base.read_text(encoding="utf-8")
    gap = "" if text.endswith("\n") or not added else "\n"
    return text + gap + "".join(entry.text for entry in project.entries if entry.name in added)


def measure_added(base: Path, lock: Path, names: Iterable[str], folder: Path) -> float | None:
    """Return how much a runtime adds to an image, in MB: the files in `folder`, and the packages that `base` lacks.

    The result is None if a package is not installed here, or the lock of the project does not list it.
    """
    project = Lock(lock)
    try:
        own = {entry.name for entry in Lock(base).entries}
        present = project.find_closure({*SERVER_PACKAGES, *FASTER_PACKAGES}) if base == lock else own
        added = [distribution(name) for name in project.find_closure(names) - present]
    except (PackageNotFoundError, ProblemError):
        return None
    sizes = [path.stat().st_size for path in folder.glob("*")]
    return (sum(sizes) + sum(map(_measure_installed, added))) / 1e6


def _measure_installed(found: Distribution) -> int:
    lines = (found.read_text("RECORD") or "").splitlines()
    sizes = (line.rpartition(",")[2] for line in lines if not line.startswith("../"))
    return sum(int(size) for size in sizes if size)


def _read_entry(text: str) -> Entry:
    found = NAME.match(text)
    name = canonicalize_name(found.group() if found else "")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    parents = frozenset(canonicalize_name(parent) for parent in PARENT.findall(text))
    return Entry(name, "\n".join(lines) + "\n", parents)
