"""The last data test, from the records of runs."""

from dataclasses import replace

import pytest

from mlops.record.data_test import DataTest, find_data_test, summarize_rules
from mlops.record.ledger import RunRecord, RunSettings, StepRecord, StepState
from mlops.record.processes import own_process

AT = "2026-11-22T19:08:01Z"


def make_run(state: StepState, kind: str = "", only: str = "", started: str = AT, **results: str) -> RunRecord:
    """Return a run whose data test is in this state."""
    step = StepRecord(
        "test_data",
        "01_test_data",
        state=state,
        started=started,
        error_kind=kind,
        results=results,
        report="01_test_data.html",
    )
    settings = RunSettings(only=only)
    return RunRecord("run", "all", "local", "succeeded", AT, "", own_process(), (step,), settings=settings)


@pytest.mark.parametrize(
    ("run", "found"),
    [
        (
            make_run("done", data_path="file:///x/good.csv"),
            DataTest(True, False, AT, "file:///x/good.csv", "run/01_test_data.html"),
        ),
        (make_run("reused", data_path="good.csv"), DataTest(True, False, AT, "good.csv", "run/01_test_data.html")),
        (make_run("failed", "DataTestFailed"), DataTest(False, True, AT, "", "run/01_test_data.html")),
        (make_run("failed", "OSError"), DataTest(False, False, AT, "", "run/01_test_data.html")),
    ],
)
def test_the_last_test_that_ended_counts(run: RunRecord, found: DataTest) -> None:
    for newer in (make_run("skipped"), make_run("running"), make_run("reused", only="evaluate")):
        assert find_data_test([newer, run, make_run("failed", started="2026-11-21T00:00:00Z")]) == found


def test_a_test_that_is_used_again_is_no_newer_test() -> None:
    reused = replace(make_run("reused", data_path="good.csv"), started="2026-11-25T00:00:00Z")
    refused = make_run("failed", "DataTestFailed", started="2026-11-24T00:00:00Z")
    found = find_data_test([reused, refused, make_run("done", data_path="good.csv")])
    assert found == DataTest(False, True, "2026-11-24T00:00:00Z", "", "run/01_test_data.html")


def test_only_the_tests_of_one_file_count_if_it_is_given() -> None:
    runs = [make_run("done", data_path="b.csv"), make_run("failed", "DataTestFailed"), make_run("done", data_path="a")]
    found = find_data_test(runs, of="a")
    assert found is not None
    assert (found.url, found.passed) == ("a", True)
    assert find_data_test(runs, of="c") is None


def test_the_test_of_a_resumed_run_may_be_newer_than_that_of_a_later_run() -> None:
    resumed = make_run("done", started="2026-11-24T00:00:00Z", data_path="new.csv")
    later = make_run("failed", "DataTestFailed", started="2026-11-23T00:00:00Z", data_path="new.csv")
    found = find_data_test([later, resumed])
    assert found is not None
    assert (found.passed, found.at) == (True, "2026-11-24T00:00:00Z")


def test_no_data_test_is_none() -> None:
    assert find_data_test([]) is None


def test_the_first_broken_rules_are_listed_and_the_others_counted() -> None:
    lines = [f"  C{place}: range: 1 value outside, the furthest 9.0; allowed: [0, 1]" for place in range(5)]
    error = "\n".join(["DataTestFailed in the cell: The data file bad.csv breaks 60 rules.", *lines])
    step = replace(make_run("failed", "DataTestFailed").steps[0], error=error)
    assert summarize_rules(step) == [lines[0].strip(), lines[1].strip(), "and 58 more"]
    assert summarize_rules(replace(step, error="\n".join(["It breaks 1 rule.", lines[0]]))) == [lines[0].strip()]
    assert summarize_rules(replace(step, error="ValueError: no", error_kind="ValueError")) == []
    assert summarize_rules(replace(step, error="DataTestFailed: it is bad")) == []
