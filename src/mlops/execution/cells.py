"""The description of cells and of unexpected errors in messages."""

# A cell is described by its first line, because the source notebook has no execution counts.

import re
import traceback as tracebacks
from collections.abc import Iterable
from pathlib import Path

COLORS = re.compile("\x1b\\[[0-9;]*[A-Za-z]")
PLACE = re.compile(r"^(?:Cell )?In ?\[\d+\], line (\d+)", re.MULTILINE)  # the frame of a cell in a traceback of IPython


def find_first_line(source: str) -> str:
    """Return the first non-empty line of a cell."""
    return next(iter(source.strip().splitlines()), "").strip()


def describe_cell(source: str) -> str:
    """Return a description of a cell that quotes its first line: "the cell that begins 'x = 1'"."""
    return f"the cell that begins {find_first_line(source)!r}"


def find_line(traceback: Iterable[str]) -> int:
    """Return the number of the line that raised an error, counted from 1 in its cell; 0 if the traceback lacks it."""
    found = PLACE.search(COLORS.sub("", "\n".join(traceback)))
    return int(found[1]) if found else 0


def describe_error(error: Exception) -> str:
    """Return a description of an unexpected error: its class, its message, and the line that raised it."""
    frame = tracebacks.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(frame.filename).name}, line {frame.lineno})"
