"""Hard links to installed packages, which cost no space on the disk and no download."""

import csv
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path


def link_packages(pins: Mapping[str, str], target: Path) -> list[str]:
    """Link those packages that this program's environment has in the pinned version, and return their names.

    A package is not linked if one of its files is missing or has changed in size since the installation, or if the
    package was installed from a folder. A package's programs in ``bin/`` are neither linked nor checked.

    Parameters
    ----------
    pins : mapping
        The pinned version of each package, by the name of the package.
    target : Path
        The folder ``site-packages`` of the new environment.
    """
    linked = []
    for name, version in pins.items():
        with suppress(PackageNotFoundError):
            found = distribution(name)
            files, base = _read_files(found), str(found.locate_file(""))
            if found.version == version and not found.read_text("direct_url.json") and _is_complete(files, base):
                _link_files(files, base, str(target))
                linked.append(name)
    return linked


def _read_files(found: Distribution) -> dict[str, int | None]:
    # `Distribution.files` may leave out files that are missing.
    rows = csv.reader((found.read_text("RECORD") or "").splitlines())
    # `make` recompiles the bytecode that a package contains, so the sizes of bytecode files are not compared. Programs
    # begin with the path of this environment, so they are rewritten if it is moved.
    return {
        name: int(size) if size and not name.endswith(".pyc") else None
        for name, _, size in rows
        if not name.startswith("../")
    }


def _is_complete(files: Mapping[str, int | None], base: str) -> bool:
    try:
        return bool(files) and all(
            os.stat(f"{base}/{name}").st_size == size for name, size in files.items() if size is not None
        )
    except OSError:
        return False


def _link_files(files: Iterable[str], base: str, target: str) -> None:
    folders = set[str]()
    for name in _list_files_and_bytecode(files):
        place = f"{target}/{name}"
        folder = place.rpartition("/")[0]
        if folder not in folders:
            os.makedirs(folder, exist_ok=True)
            folders.add(folder)
        with suppress(FileExistsError, FileNotFoundError):  # bytecode may be missing, or already linked
            _link(f"{base}/{name}", place)


def _list_files_and_bytecode(files: Iterable[str]) -> Iterator[str]:
    for name in files:
        yield name
        if name.endswith(".py"):
            folder, slash, module = name.rpartition("/")
            yield f"{folder}{slash}__pycache__/{module[:-3]}.{sys.implementation.cache_tag}.pyc"


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:  # another file system, or one without hard links
        shutil.copy2(source, target)
