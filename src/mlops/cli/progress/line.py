"""A line of progress that is updated in place on a terminal."""

import os
from contextlib import suppress
from typing import TextIO

ERASE = "\r\033[K"
DUMB = "dumb"  # the value of TERM for terminals that cannot move their cursor
CUT = "…"


class ProgressLine:
    """A line of progress, redrawn as the last line of a terminal. Files and dumb terminals get no such line.

    Parameters
    ----------
    stream : text stream
        The stream to print to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def draw(self, text: str) -> bool:
        """Replace the line. Return False if the stream cannot show a line of progress."""
        shows = self._shows()
        if shows:
            self._stream.write(ERASE + self._cut(text))
        self._stream.flush()
        return shows

    def erase(self) -> None:
        """Erase the line. Call this before you print other text."""
        if self._shows():
            self._stream.write(ERASE)

    def _shows(self) -> bool:
        return self._stream.isatty() and os.environ.get("TERM") != DUMB

    def _cut(self, text: str) -> str:
        columns = 0
        with suppress(OSError, ValueError):  # the stream has no descriptor
            columns = os.get_terminal_size(self._stream.fileno()).columns
        return text if len(text) < columns or not columns else text[: columns - 1 - len(CUT)] + CUT
