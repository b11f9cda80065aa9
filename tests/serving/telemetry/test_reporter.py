"""The choice of the requests that are reported."""

import random
from pathlib import Path

import pytest

from mlops.serving.telemetry.pipe import PipeReader, PipeWriter, create_pipe
from mlops.serving.telemetry.reporter import MOST_FAILURES, Reporter
from mlops.serving.telemetry.reports import FailureReport, LossReport, RequestReport
from mlops.serving.tracing import REQUEST_ID, TRACE

NAMED = [(REQUEST_ID, b"order-7"), (TRACE, b"00-a-b-01")]


@pytest.fixture
def pipe(tmp_path: Path) -> tuple[PipeWriter, PipeReader]:
    """The two ends of a pipe."""
    path = create_pipe(tmp_path)
    return PipeWriter(path), PipeReader(path)


@pytest.mark.parametrize("turn", [1, 7, 1000])
def test_the_share_of_the_requests_is_chosen_however_many_are_answered_together(
    pipe: tuple[PipeWriter, PipeReader], turn: int
) -> None:
    reporter = Reporter(pipe[0], 0.05, random.Random(1).random)
    chosen = [reporter.choose(turn) for _ in range(140_000 // turn)]
    assert all(0 <= place < turn for places in chosen for place in places)
    assert sum(map(len, chosen)) == pytest.approx(7_000, abs=4 * 82)  # 82 is the standard deviation


def test_all_requests_none_or_without_a_sender_none_are_chosen(pipe: tuple[PipeWriter, PipeReader]) -> None:
    assert Reporter(pipe[0], 1.0).choose(3) == [0, 1, 2]
    assert Reporter(pipe[0], 0.0).choose(3) == []
    assert Reporter(pipe[0], 1e-20, lambda: 0.5).choose(3) == []
    assert Reporter(None, 1.0).choose(3) == []


def test_a_request_is_reported_with_its_arrival_and_its_trace(pipe: tuple[PipeWriter, PipeReader]) -> None:
    Reporter(pipe[0], 1.0, clock=lambda: 100.5).report(NAMED, 422, 0.25, 9)
    assert [*pipe[1].read()] == [RequestReport(100.25, "order-7", "00-a-b-01", 422, 0.25, 9)]


def test_failures_are_limited_in_each_minute(pipe: tuple[PipeWriter, PipeReader]) -> None:
    now = 1_000.0
    reporter = Reporter(pipe[0], 0.0, clock=lambda: now)
    found = []
    for _ in range(MOST_FAILURES + 50):
        reporter.report_failure(NAMED[:1], ValueError("4711"))
        found += [*pipe[1].read()]
    assert found == [FailureReport(1_000.0, "order-7", "", "ValueError", ())] * MOST_FAILURES
    now += 60
    reporter.report_failure(NAMED, ValueError("4711"))
    assert len([*pipe[1].read()]) == 1


def test_losses_do_not_raise(pipe: tuple[PipeWriter, PipeReader]) -> None:
    reporter = Reporter(pipe[0], 1.0)
    for _ in range(50_000):
        reporter.report(NAMED, 200, 0.25)
    lost = 50_000 - len([*pipe[1].read()])
    reporter.report(NAMED, 200, 0.25)
    assert [report for report in pipe[1].read() if isinstance(report, LossReport)] == [LossReport(lost)]
