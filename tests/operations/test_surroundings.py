"""What a run works with on a platform."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from opened import open_here

from mlops.operations.surroundings import surround_run
from mlops.pipelines import RETRAIN
from mlops.platform.trainings import TrainingRun
from mlops.record.ledger import StepRecord
from mlops.workspace import Workspace

FILES = {"model.json": "0" * 64}


class Files:
    """A tracker that has the files of one training."""

    def has_files(self, run: TrainingRun) -> bool:
        """See `Tracker`."""
        return run == TrainingRun("kept", FILES)


def test_the_champion_is_observed_and_trainings_are_asked_for(workspace: Workspace) -> None:
    tracker: Any = Files()
    opened = open_here(workspace)
    around = surround_run(replace(opened, backend=replace(opened.backend, tracker=tracker)))
    assert around.observe("champion") == "0"
    test_data, train, *_ = RETRAIN
    results: Mapping[str, Any] = {"training_run": "kept", "files": FILES}
    done = StepRecord("train", "02_train", state="done", results=results)
    assert around.is_kept(train, done)
    assert not around.is_kept(train, replace(done, results={**results, "training_run": "gone"}))
    assert around.is_kept(test_data, StepRecord("test_data", "01_test_data"))


def test_reports_are_made_after_the_callers_listeners_have_heard(workspace: Workspace) -> None:
    listener: Any = object()
    around = surround_run(open_here(workspace), [listener])
    assert [type(found).__name__ for found in around.listeners] == ["object", "Reporter"]
