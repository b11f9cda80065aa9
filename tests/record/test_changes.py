"""What a run was started with that the run before it was not."""

from typing import Any

import pytest

from mlops.parameters.merging import Parameters
from mlops.record.changes import list_changes, measure_duration
from mlops.record.ledger import RunRecord, RunSettings
from mlops.record.processes import own_process


def make_run(pipeline: str = "all", started: str = "", finished: str = "", **values: dict[str, Any]) -> RunRecord:
    """Return a run that was given these values."""
    settings = RunSettings(Parameters("local", 10.0, {}, values)) if values else RunSettings()
    return RunRecord(
        "run", pipeline, "local", "succeeded", started, "", own_process(), (), finished=finished, settings=settings
    )


def test_the_parameter_that_differs_from_the_run_before_is_named() -> None:
    run = make_run(
        train={"alpha": 0.1, "seed": 0}, test_data={"data_path": "file:///home/versions/2/diabetes-of-november.csv"}
    )
    other = make_run("build", train={"alpha": 7})
    before = make_run(train={"alpha": 0.4, "seed": 0}, test_data={})
    assert list_changes(run, [other, before]) == [
        "train.alpha 0.1 (before: 0.4)",
        "test_data.data_path diabetes-of-november.csv (before: default)",
    ]
    assert list_changes(before, [make_run(train={"alpha": 0.4, "seed": 0}, test_data={})]) == []


def test_a_run_with_nothing_to_compare_has_no_changes() -> None:
    assert list_changes(make_run(), [make_run(train={"alpha": 1})]) == []
    assert list_changes(make_run(train={"alpha": 1}), [make_run()]) == []


@pytest.mark.parametrize(
    ("finished", "shown"),
    [
        ("2026-11-22T19:08:39Z", "41 s"),
        ("2026-11-22T19:11:03Z", "3 min 5 s"),
        ("2026-11-22T21:08:58Z", "2 h 1 min"),
        ("", ""),
    ],
)
def test_a_duration_is_said_in_words(finished: str, shown: str) -> None:
    assert measure_duration(make_run(started="2026-11-22T19:07:58Z", finished=finished)) == shown
