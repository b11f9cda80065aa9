"""The line that shows progress in place: on a narrow terminal, on one that cannot move its cursor, and in a file."""

import fcntl
import io
import os
import pty
import struct
import termios
from collections.abc import Callable, Iterator

import pytest

from mlops.cli.progress.line import ProgressLine
from mlops.cli.progress.run import Progress
from mlops.record.steps import StepRecord

END = "<end>"
ERASED = "\r\x1b[K"
TEXT = "… train 1.0 s, cell 3 of 22 | evaluate 2.0 s, starting"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], tuple[io.TextIOWrapper, Callable[[], str]]]]:
    """Opens a terminal with so many columns: a stream to it, and a function that reads what it received."""
    monkeypatch.setenv("TERM", "xterm")
    opened: list[int] = []

    def open_terminal(columns: int) -> tuple[io.TextIOWrapper, Callable[[], str]]:
        reader, writer = pty.openpty()
        fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        opened.append(reader)
        stream = os.fdopen(writer, "w", encoding="utf-8")

        def read() -> str:
            stream.write(END)
            stream.flush()
            received = b""
            while not received.endswith(END.encode()):  # a terminal may pass on a text in pieces
                received += os.read(reader, 10_000)
            return received.decode().removesuffix(END)

        return stream, read

    yield open_terminal
    for reader in opened:
        os.close(reader)


def test_it_is_replaced_in_place(terminal) -> None:  # type: ignore[no-untyped-def]
    stream, read = terminal(100)
    line = ProgressLine(stream)
    assert line.draw(TEXT)
    line.erase()
    assert read() == f"{ERASED}{TEXT}{ERASED}"


def test_it_is_cut_to_the_width_of_the_terminal(terminal) -> None:  # type: ignore[no-untyped-def]
    """A terminal erases only the last row of a line that it has wrapped."""
    stream, read = terminal(30)
    assert ProgressLine(stream).draw(TEXT)
    shown = read().removeprefix(ERASED)
    assert (shown, len(shown)) == (f"{TEXT[:28]}…", 29)


def test_a_terminal_that_reports_no_width_gets_the_whole_line(terminal) -> None:  # type: ignore[no-untyped-def]
    stream, read = terminal(0)
    assert ProgressLine(stream).draw(TEXT)
    assert read() == f"{ERASED}{TEXT}"


def test_a_dumb_terminal_and_a_file_get_no_escape_codes(terminal, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("TERM", "dumb")
    for stream in (terminal(80)[0], io.StringIO()):
        line = ProgressLine(stream)
        assert not line.draw(TEXT)
        line.erase()
    stream, read = terminal(80)
    Progress(stream).step_started(StepRecord("train", "02_train"))
    assert read() == ""
