"""The files that parents of warm kernels leave behind when they end: sockets, logs, and notes about failed starts."""

import os
import sys
from collections import defaultdict
from pathlib import Path

from mlops.kernels.messages import open_channel
from mlops.kernels.socket_folder import UnavailableError, find_folder, lock

LINE = b"interpreter "
SUFFIXES = (".sock", ".log", ".failed")


def list_leftovers(before: float) -> list[tuple[Path, ...]]:
    """Return the files that parents of warm kernels left behind when they ended, grouped by parent.

    A parent is included only if all its files are older than `before`, a time in seconds since 1970.
    """
    try:
        folder = find_folder()
    except UnavailableError:
        return []
    return _list_leftovers(folder, before)


def delete_leftovers(before: float) -> None:
    """Delete the files that parents of warm kernels left behind when they ended; see `list_leftovers`."""
    try:
        folder = find_folder()
    except UnavailableError:
        return
    with lock(folder):
        for files in _list_leftovers(folder, before):
            for path in files:
                path.unlink(missing_ok=True)


def _list_leftovers(folder: Path, before: float) -> list[tuple[Path, ...]]:
    parents: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        if path.suffix in SUFFIXES:
            parents[path.stem].append(path)
    old = {name: files for name, files in parents.items() if max(path.lstat().st_mtime for path in files) < before}
    own = {name: files for name, files in old.items() if belongs_here(folder / f"{name}.log")}
    return [tuple(files) for name, files in own.items() if not _listens(folder / f"{name}.sock")]


def name_interpreter(python: str) -> bytes:
    """Return the first line of a parent's log. It contains `python`, the path of the parent's interpreter."""
    return LINE + os.fsencode(python) + b"\n"


def belongs_here(log: Path) -> bool:
    """Return whether a log was written by a parent of this checkout, or of a checkout that no longer exists."""
    try:
        with log.open("rb") as file:
            line = file.readline()
    except OSError:
        return False
    python = os.fsdecode(line.removeprefix(LINE).rstrip(b"\n"))
    return line.startswith(LINE) and (python == os.path.abspath(sys.executable) or not os.path.lexists(python))


def _listens(path: Path) -> bool:
    channel = open_channel(path)
    if channel:
        channel.close()
    return channel is not None
