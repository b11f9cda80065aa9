"""The lines of a log."""

from collections.abc import Callable, Iterator
from pathlib import Path


def read_lines(log: Path, count: int) -> list[str]:
    """Return the last `count` lines of a log."""
    return log.read_text(errors="replace").splitlines()[-count:] if count else []


def follow_snapshots(read: Callable[[], list[str]], count: int, pause: Callable[[], None]) -> Iterator[str]:
    """Follow a log of which only the end can be read: yield its last `count` lines, and then each line that is added.

    Parameters
    ----------
    read : callable
        A function that returns the last lines of the log. Those that the previous call also returned are skipped.
    count : int
        The number of existing lines to yield first.
    pause : callable
        A function that waits before the log is read again.
    """
    before = read()
    yield from before[-count:] if count else []
    while True:
        pause()
        found = read()
        sizes = range(min(len(before), len(found)), -1, -1)
        shared = next(size for size in sizes if found[:size] == before[len(before) - size :])
        yield from found[shared:]
        before = found


def follow_lines(find_log: Callable[[], Path], count: int, pause: Callable[[], None]) -> Iterator[str]:
    """Yield the last `count` lines of a log, and then each line that is added.

    Parameters
    ----------
    find_log : callable
        A function that returns the path of the log. If the path changes, the lines of the new log follow.
    count : int
        The number of existing lines to yield first.
    pause : callable
        A function that waits before the log is read again.
    """
    path = find_log()
    place, rest = path.stat().st_size, b""
    yield from read_lines(path, count)
    while True:
        pause()
        if path != (path := find_log()) or path.stat().st_size < place:  # a log that is too large is emptied
            place, rest = 0, b""
        with path.open("rb") as log:
            log.seek(place)
            added = log.read()
        place += len(added)
        *lines, rest = (rest + added).split(b"\n")
        yield from (line.decode(errors="replace") for line in lines)
