"""The log of the service, which an attacker cannot make large."""

import logging
import os
from pathlib import Path

import pytest

from mlops.serving import log
from mlops.serving.log import (
    LEFT_OUT,
    MOST,
    MOST_EQUAL,
    PERIOD,
    WORKER_NUMBER,
    JsonFormatter,
    RateLimit,
    describe_line,
    make_stream,
    read_line,
    shorten_log,
)


class Written(logging.Handler):
    """A handler that keeps the messages, with a clock that the test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.messages: list[str] = []
        self.addFilter(RateLimit(lambda: self.now))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.messages.append(record.getMessage())


@pytest.fixture
def written() -> Written:
    """The handler of a logger named "limited"."""
    handler = Written()
    logging.getLogger("limited").handlers[:] = [handler]
    return handler


def test_equal_messages_are_written_ten_times_a_minute(written: Written) -> None:
    logger = logging.getLogger("limited")
    for number in range(1000):
        logger.error("request %d failed", number)
    assert written.messages == [f"request {number} failed" for number in range(9)] + [f"request 9 failed{LEFT_OUT}"]
    logger.error("another message")
    written.now = PERIOD
    logger.error("request %d failed", 1000)
    assert written.messages[MOST_EQUAL:] == ["another message", "request 1000 failed"]


def test_different_messages_are_limited_too(written: Written) -> None:
    for number in range(5000):
        logging.getLogger("limited").error(f"connection {number} failed")
    assert len(written.messages) == MOST
    assert written.messages[-1] == f"connection {MOST - 1} failed{LEFT_OUT}"


def test_a_line_is_json_and_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    record = logging.LogRecord("serving", logging.WARNING, "file.py", 1, "line one\nof %s", ("two",), None)
    record.created = 1.25
    line = JsonFormatter().format(record)
    assert line == '{"time": "1970-01-01T00:00:01.250Z", "level": "warning", "message": "line one\\nof two"}'
    monkeypatch.setenv(WORKER_NUMBER, "2")
    assert describe_line(JsonFormatter().format(record)) == (
        "1970-01-01T00:00:01.250Z  warning  worker 2  line one\nof two"
    )


@pytest.mark.parametrize("line", ["printed by a script", "{", "[1]", '{"other": 1}'])
def test_a_line_that_is_not_of_the_server_is_a_message(line: str) -> None:
    assert read_line(line) == {"message": line}
    assert describe_line(line) == line


def test_a_large_log_begins_anew_and_keeps_the_log_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "LOG_BYTES", 100)
    path = tmp_path / "service.log"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)  # without O_APPEND
    try:
        for text in (b"a" * 100, b"b"):
            os.write(descriptor, text)
            shorten_log(descriptor)
        os.write(descriptor, b"c")
        assert path.read_bytes() == b"c"
        assert (tmp_path / "service.log.1").read_bytes() == b"a" * 100 + b"b"
        path.unlink()
        os.write(descriptor, b"d" * 200)
        shorten_log(descriptor)
        assert os.fstat(descriptor).st_size == 0
    finally:
        os.close(descriptor)
    assert [found.name for found in tmp_path.iterdir()] == ["service.log.1"]


def test_a_script_can_print_on_a_full_disk() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        stream = make_stream(full.fileno())
        print("a text", "with half of a surrogate pair: \ud800", file=stream, flush=True)
        stream.detach()


def test_what_a_script_prints_is_in_the_log_at_once(tmp_path: Path) -> None:
    with open(tmp_path / "service.log", "wb") as file:
        stream = make_stream(file.fileno())
        print("é", end="", file=stream)
        assert (tmp_path / "service.log").read_text() == "é"
        stream.detach()
