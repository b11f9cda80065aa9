"""The name of a cell in messages: its first line, because the source notebook shows no execution counts.

And how it names an error of the runner itself.
"""

import re
import traceback as tracebacks
from collections.abc import Iterable
from pathlib import Path

COLORS = re.compile("\x1b\\[[0-9;]*[A-Za-z]")
PLACE = re.compile(r"^(?:Cell )?In ?\[\d+\], line (\d+)", re.MULTILINE)  # as IPython begins the frame of a cell


def find_first_line(source: str) -> str:
    """Return the first line of a cell that is not empty."""
    return next(iter(source.strip().splitlines()), "").strip()


def describe_cell(source: str) -> str:
    """Return a cell as a message names it: "the cell that begins 'x = 1'"."""
    return f"the cell that begins {find_first_line(source)!r}"


def find_line(traceback: Iterable[str]) -> int:
    """Return the line of the cell in which a traceback begins, counted from 1; 0 if it names none."""
    found = PLACE.search(COLORS.sub("", "\n".join(traceback)))
    return int(found[1]) if found else 0


def describe_error(error: Exception) -> str:
    """Return an error that nobody expects: its kind, its message, and where it was raised."""
    frame = tracebacks.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(frame.filename).name}, line {frame.lineno})"
