"""The line of progress that a terminal shows in place."""

import os
from contextlib import suppress
from typing import TextIO

ERASE = "\r\033[K"
DUMB = "dumb"  # the value of TERM for terminals that cannot move their cursor
CUT = "…"


class ProgressLine:
    """The last line of a terminal, which is replaced in place. A file and a dumb terminal show none.

    Parameters
    ----------
    stream : text stream
        The stream to print to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def draw(self, text: str) -> bool:
        """Replace the line, and return whether the stream shows one.

        The text is cut to the width of the terminal. If a line wrapped, only its last row would be erased.
        """
        shows = self._shows()
        if shows:
            self._stream.write(ERASE + self._cut(text))
        self._stream.flush()
        return shows

    def erase(self) -> None:
        """Erase the line, before other text is printed."""
        if self._shows():
            self._stream.write(ERASE)

    def _shows(self) -> bool:
        return self._stream.isatty() and os.environ.get("TERM") != DUMB

    def _cut(self, text: str) -> str:
        columns = 0
        with suppress(OSError, ValueError):  # the stream has no descriptor
            columns = os.get_terminal_size(self._stream.fileno()).columns
        return text if len(text) < columns or not columns else text[: columns - 1 - len(CUT)] + CUT
