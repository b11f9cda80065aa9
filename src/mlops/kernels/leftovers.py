"""The files that ended parents of warm kernels left behind: sockets, logs, and notes of failed starts."""

from collections import defaultdict
from pathlib import Path

from mlops.kernels.messages import open_channel
from mlops.kernels.socket_folder import UnavailableError, find_folder, lock

SUFFIXES = (".sock", ".log", ".failed")


def list_leftovers(before: float) -> list[tuple[Path, ...]]:
    """Return the files of each ended parent that wrote none of them since `before`, in seconds since 1970."""
    try:
        folder = find_folder()
    except UnavailableError:
        return []
    return _list_leftovers(folder, before)


def delete_leftovers(before: float) -> None:
    """Delete the files that `list_leftovers` returns, holding the lock so that no parent starts meanwhile."""
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
    return [tuple(files) for name, files in old.items() if not _listens(folder / f"{name}.sock")]


def _listens(path: Path) -> bool:
    channel = open_channel(path)
    if channel:
        channel.close()
    return channel is not None
