"""Reports in the named pipe: none is mixed with another, and a full pipe costs a report, never time."""

import select
from pathlib import Path

import pytest

from mlops.serving.telemetry.pipe import PipeReader, PipeWriter, create_pipe
from mlops.serving.telemetry.reports import FailureReport, Frame, LossReport, RequestReport, describe_error

REPORT = RequestReport(1_795_780_800.25, "order-7", "", 200, 0.0015)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A pipe that only its owner can read."""
    path = create_pipe(tmp_path)
    assert create_pipe(tmp_path) == path
    assert path.stat().st_mode & 0o777 == 0o600
    return path


def test_reports_of_several_workers_arrive_in_order(path: Path) -> None:
    first, second, reader = PipeWriter(path), PipeWriter(path), PipeReader(path)
    failure = FailureReport(1.0, "order-8", "", "KeyError", (Frame("score.py", 3, "run"),))
    first.write(REPORT)
    second.write(failure)
    assert [*reader.read()] == [REPORT, failure]
    assert [*reader.read()] == []


def test_reports_outlive_their_worker(path: Path) -> None:
    reader, writer = PipeReader(path), PipeWriter(path)
    writer.write(REPORT)
    writer.close()
    assert [*reader.read()] == [REPORT]


def test_a_full_pipe_loses_reports_and_counts_them(path: Path) -> None:
    writer = PipeWriter(path)
    for _ in range(5_000):  # 65,536 bytes fit into the pipe before a reader opens it
        writer.write(REPORT)
    reader = PipeReader(path)
    kept = [*reader.read()]
    assert 500 < len(kept) < 2_000
    writer.write(REPORT)
    assert [*reader.read()] == [LossReport(5_000 - len(kept)), REPORT]
    writer.write(REPORT)
    assert [*reader.read()] == [REPORT]


def test_a_report_that_could_be_mixed_with_others_is_lost(path: Path) -> None:
    writer, reader = PipeWriter(path), PipeReader(path)
    frames = tuple(Frame("f" * 120, 1, "g" * 120) for _ in range(20))
    writer.write(FailureReport(1.0, "a", "", "KeyError", frames))
    writer.write(REPORT)
    assert [*reader.read()] == [LossReport(1), REPORT]


def test_the_report_of_a_deep_error_fits_into_a_write(path: Path) -> None:
    def dig(depth: int) -> None:
        if not depth:
            raise KeyError("4711")
        dig(depth - 1)

    with pytest.raises(KeyError) as caught:
        dig(50)
    writer, reader = PipeWriter(path), PipeReader(path)
    report = describe_error(1.0, "r" * 100, "t" * 55, caught.value)
    writer.write(report)
    assert [*reader.read()] == [report]
    assert [frame.function for frame in report.frames] == ["dig"] * 8
    assert "4711" not in str(report)
    assert select.PIPE_BUF >= 8 * 2 * 120 + 500  # the longest report
