"""The lines of a log."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from mlops.files.lines import follow_lines, follow_snapshots, read_lines


def test_the_last_lines_are_returned(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    log.write_bytes(b"one\ntwo\n\xff\n")
    assert read_lines(log, 2) == ["two", "\ufffd"]
    assert read_lines(log, 9) == ["one", "two", "\ufffd"]
    assert read_lines(log, 0) == []


def test_a_log_is_followed_when_it_grows_is_emptied_or_is_replaced(tmp_path: Path) -> None:
    logs = [tmp_path / "first.log", tmp_path / "second.log"]
    for log in logs:
        log.write_text("one\ntwo\n")

    def append(text: str) -> None:
        with logs[0].open("a") as log:
            log.write(text)

    steps: Iterator[Callable[[], object]] = iter(
        [
            lambda: append("thr"),
            lambda: append("ee\nfour\n"),
            lambda: logs[0].write_text("5\n"),
            lambda: logs.pop(0),
        ]
    )
    found = follow_lines(lambda: logs[0], 1, lambda: next(steps)())
    assert [*islice(found, 6)] == ["two", "three", "four", "5", "one", "two"]


def test_a_log_is_followed_from_its_last_lines() -> None:
    snapshots = iter([["1", "2"], ["1", "2"], ["1", "2", "3"], ["3", "4"], ["new"], [], ["new", "new"]])
    found = follow_snapshots(lambda: next(snapshots), 1, lambda: None)
    assert [*islice(found, 6)] == ["2", "3", "4", "new", "new", "new"]
