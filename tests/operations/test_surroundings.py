"""The surroundings of a run on a platform."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from opened import open_here
from tiny_model import publish, release

from mlops.backends.memory import open_backend as open_memory
from mlops.operations.surroundings import surround_run
from mlops.pipelines import RETRAIN
from mlops.platform.models import ModelVersion
from mlops.platform.services import Ending
from mlops.platform.trainings import TrainingRun
from mlops.record.ledger import StepRecord
from mlops.runner import Serving
from mlops.workspace import Workspace

FILES = {"model.json": "0" * 64}


class Files:
    """A tracker that has the files of one training."""

    def has_files(self, run: TrainingRun) -> bool:
        """See `Tracker`."""
        return run == TrainingRun("kept", FILES)


@dataclass(frozen=True)
class Champion:
    """A registry that has a champion and nothing else."""

    champion: ModelVersion

    def find_champion(self, name: str) -> ModelVersion:
        """See `Registry`."""
        return self.champion


def test_the_champion_is_observed_and_trainings_are_asked_for(workspace: Workspace) -> None:
    tracker: Any = Files()
    opened = open_here(workspace)
    around = surround_run(replace(opened, backend=replace(opened.backend, tracker=tracker)))
    assert around.observe("champion") == ""
    test_data, train, *_ = RETRAIN
    results: Mapping[str, Any] = {"training_run": "kept", "files": FILES}
    done = StepRecord("train", "02_train", state="done", results=results)
    assert around.is_kept(train, done)
    assert not around.is_kept(train, replace(done, results={**results, "training_run": "gone"}))
    assert around.is_kept(test_data, StepRecord("test_data", "01_test_data"))


def test_a_deployment_is_found_while_its_environment_has_it(workspace: Workspace, tmp_path: Path) -> None:
    backend = open_memory()
    opened = replace(open_here(workspace), backend=backend)
    image = publish(backend, tmp_path, 1.0)
    release(backend, image)
    around = surround_run(opened)
    assert around.find_deployed("production") == image.digest
    assert around.find_serving("production") == Serving("tiny version 1, which is healthy", image.digest)
    backend.services.stop("production")
    assert around.find_serving("production") == Serving("nothing")
    assert around.find_deployed("production") == image.digest  # `mlops run release --only test_production` tests it
    assert around.find_deployed("staging") == ""
    backend.services.stop("qa")


def test_a_champion_of_the_same_number_from_another_training_is_observed_as_another(workspace: Workspace) -> None:
    backend = open_memory()
    opened = replace(open_here(workspace), backend=backend)
    assert opened.model_name == "diabetes"
    seen = []
    for run_id, files in (("first", FILES), ("second", FILES), ("second", {"model.json": "1" * 64})):
        registry: Any = Champion(ModelVersion("diabetes", 1, run_id, files, {}, champion=True))
        seen.append(surround_run(replace(opened, backend=replace(backend, registry=registry))).observe("champion"))
    assert len(set(seen)) == 3


def test_reports_are_made_after_the_callers_listeners_have_heard(workspace: Workspace) -> None:
    listener: Any = object()
    around = surround_run(open_here(workspace), [listener])
    assert [type(found).__name__ for found in around.listeners] == ["object", "Reporter"]


@pytest.mark.parametrize(
    ("ending", "failed", "serves"), [("interrupted", 0, 1), ("failed", 1, 1), ("unanswered", 0, 2)]
)
def test_only_a_failed_test_is_recorded_as_failed(
    workspace: Workspace, tmp_path: Path, ending: Ending, failed: int, serves: int
) -> None:
    backend = open_memory()
    release(backend, publish(backend, tmp_path, 1.0))
    tested = release(backend, publish(backend, tmp_path, 2.0))
    surround_run(replace(open_here(workspace), backend=backend)).restore("production", tested.digest, ending)
    (_, production) = backend.services.list_services()
    assert (len(production.failed), production.model_version) == (failed, serves)
    for environment in ("qa", "production"):
        backend.services.stop(environment)
