"""Hard links to installed packages, which cost no space on the disk and no download."""

import csv
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath


def link_packages(pins: Mapping[str, str], target: Path) -> list[str]:
    """Link the packages that are installed here in the pinned version, and return their names.

    A package is left out if a file of it is missing or has another size than at its installation, or if it was
    installed from a folder.

    Parameters
    ----------
    pins : mapping
        The versions, by the name of the package.
    target : Path
        The folder ``site-packages`` of the new environment.
    """
    linked = []
    for name, version in pins.items():
        with suppress(PackageNotFoundError):
            found = distribution(name)
            if found.version == version and _is_complete(found):
                _link_files(found, target)
                linked.append(name)
    return linked


def _is_complete(found: Distribution) -> bool:
    files = _read_files(found)
    if found.read_text("direct_url.json") or not files:  # installed from a folder or an unknown source
        return False
    base = str(found.locate_file(""))
    try:
        return all(os.stat(f"{base}/{path}").st_size == size for path, size in files.items() if size is not None)
    except OSError:
        return False


def _read_files(found: Distribution) -> dict[PurePosixPath, int | None]:
    """Return the files of a package, relative to ``site-packages``, and their sizes if these are known."""
    # `Distribution.files` leaves out files that are missing.
    rows = csv.reader((found.read_text("RECORD") or "").splitlines())
    # `make` compiles again what a package brings as bytecode, so the size of bytecode does not count.
    return {PurePosixPath(name): int(size) if size and name[-4:] != ".pyc" else None for name, _, size in rows}


def _link_files(found: Distribution, target: Path) -> None:
    base = Path(str(found.locate_file("")))
    folders = {target}
    for path in _list_paths(found):
        place = target / path
        if place.parent not in folders:
            place.parent.mkdir(parents=True, exist_ok=True)
            folders.add(place.parent)
        with suppress(FileExistsError, FileNotFoundError):  # bytecode may be missing, or listed with the package
            _link(base / path, place)


def _list_paths(found: Distribution) -> Iterator[PurePosixPath]:
    """Yield the files of a package and their bytecode, relative to ``site-packages``, without its commands."""
    for path in _read_files(found):
        if ".." in path.parts:
            continue
        yield path
        if path.suffix == ".py":
            yield path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # another file system, or one without hard links
        shutil.copy2(source, target)
