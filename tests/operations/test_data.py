"""The data that a run trains on and registers, with the data sets of one machine."""

from dataclasses import replace
from pathlib import Path

import churn
import pytest
from given_parameters import load_parameters
from opened import open_here
from progression import Diabetes
from sandbox import SANDBOX

from mlops.backends.local.datasets import LocalDatasets
from mlops.errors import ProblemError
from mlops.operations.data import DataRegistrar, RefusedData, choose_data, describe_data, find_refused
from mlops.operations.request import RunRequest
from mlops.operations.running import start_run
from mlops.operations.sweeping import Places, sweep_step
from mlops.pipelines import BUILD, PIPELINES
from mlops.platform.datasets import LATEST, DatasetVersion
from mlops.problem import Problem
from mlops.record.ledger import RunRecord, RunSettings, StepRecord
from mlops.sweeps.grid import read_grid
from mlops.sweeps.plan import Goal
from mlops.workspace import Workspace

RUN = RunRecord("run", "build", "local", "running", "", "", (0, 0.0), ())
(TEST_DATA,) = BUILD
PASSED = StepRecord("test_data", "01_test_data", state="done")


@pytest.fixture
def datasets(tmp_path: Path) -> LocalDatasets:
    """Data sets before the first version."""
    return LocalDatasets(tmp_path / "home")


@pytest.fixture
def staged(datasets: LocalDatasets, tmp_path: Path) -> str:
    """A file that is not a version yet."""
    (tmp_path / "sample.csv").write_text("A,Y\n1,2\n")
    return datasets.stage(tmp_path / "sample.csv")


def test_the_newest_version_is_taken_unless_somebody_names_a_file(
    workspace: Workspace, datasets: LocalDatasets, staged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(*texts: str) -> str:
        opened = open_here(workspace, *texts)
        backend = replace(opened.backend, datasets=datasets)
        chosen = choose_data(replace(opened, backend=backend), opened.parameters, TEST_DATA)
        return str(chosen.values["test_data"].get("data_path", ""))

    assert choose() == ""  # the notebook takes the sample
    version = datasets.register(staged)
    monkeypatch.setattr(datasets, "find_newest", lambda: replace(version, columns=()))
    assert choose() == staged
    assert choose("test_data.data_path=my.csv") == "my.csv"
    assert choose("test_data.data_path=") == ""
    assert choose("shared.data_path=") == ""


def test_a_version_that_lacks_a_column_of_the_problem_is_refused_before_anything_runs(
    workspace: Workspace, datasets: LocalDatasets, staged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_here(workspace)
    opened = replace(opened, backend=replace(opened.backend, datasets=datasets))
    datasets.register(staged)
    said = f"sample version 1 ({staged}) has no column 'AGE' and 9 more columns, which the problem 'diabetes' declares."
    grid = read_grid(opened.project, "train", ["alpha=1,2"])
    for asked in ("retrain", "sweep"):
        with pytest.raises(ProblemError) as raised:
            start_run(opened, RunRequest(asked)) if asked == "retrain" else sweep_step(
                opened, grid, Goal("cv_mse"), Places()
            )
        assert str(raised.value) == (
            f"{said} To register data that fits the problem, run `mlops provision -p data_path=FILE`, or "
            "`mlops run build -p test_data.data_path=` for its sample data."
        )
    assert not workspace.outputs.exists()
    monkeypatch.setattr(Diabetes, "load_sample", Problem.load_sample)
    with pytest.raises(ProblemError, match=r"run `mlops provision -p data_path=FILE`\.$"):
        start_run(opened, RunRequest("build"))


def test_a_version_can_lack_an_ignored_column(
    workspace: Workspace, datasets: LocalDatasets, staged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_here(workspace)
    project = replace(opened.project, base=replace(opened.project.base, problem="churn"))
    opened = replace(opened, project=project, backend=replace(opened.backend, datasets=datasets))
    names = tuple(column.name for column in churn.problem.columns if column.name != "remark")
    version = replace(datasets.register(staged), columns=names)
    monkeypatch.setattr(datasets, "find_newest", lambda: version)
    assert choose_data(opened, opened.parameters, TEST_DATA).values["test_data"]["data_path"] == staged


def test_the_data_of_a_run_is_named_by_its_version_or_its_file(datasets: LocalDatasets, staged: str) -> None:
    run = replace(RUN, steps=(replace(PASSED, results={"data_path": staged}),))
    assert describe_data(run, datasets) == staged
    version = datasets.register(staged)
    assert describe_data(run, datasets) == f"{version.name} version 1"
    named = replace(RUN, steps=(replace(PASSED, results={"data_path": "my.csv"}),))
    assert describe_data(named, datasets) == "my.csv"
    assert describe_data(replace(run, steps=(replace(PASSED, state="failed"),)), datasets) == ""


def test_the_data_that_was_refused_is_named_as_it_was_given(datasets: LocalDatasets, staged: str) -> None:
    failed = replace(PASSED, state="failed", error_kind="DataTestFailed", parameters={"data_path": "bad.csv"})
    assert find_refused(replace(RUN, steps=(failed,)), datasets) == RefusedData("bad.csv", is_version=False)
    datasets.register(staged)
    version = replace(failed, parameters={"data_path": staged})
    assert find_refused(replace(RUN, steps=(version,)), datasets) == RefusedData(staged, is_version=True)
    for other in (PASSED, replace(failed, error_kind="OSError"), replace(failed, parameters={"data_path": ""})):
        assert find_refused(replace(RUN, steps=(other,)), datasets) is None


@pytest.mark.parametrize(
    ("step", "versions"),
    [
        (PASSED, [1]),
        (replace(PASSED, state="reused"), [1]),
        (replace(PASSED, state="failed"), []),
        (replace(PASSED, name="train"), []),
        (replace(PASSED, parameters={"data_path": "my.csv"}), []),
        (replace(PASSED, parameters={"data_path": "new.csv"}), [1]),
    ],
    ids=["sample", "reused", "failed", "another step", "named", "new"],
)
def test_only_what_passed_and_nobody_named_is_registered(
    datasets: LocalDatasets, staged: str, step: StepRecord, versions: list[int]
) -> None:
    heard: list[DatasetVersion] = []
    registrar = DataRegistrar(datasets, "new.csv", heard.append)
    ended = replace(step, results={"data_path": staged})
    assert registrar.step_ended(RUN, ended) == ended
    assert [version.version for version in heard] == versions


def test_the_sample_becomes_the_next_version_on_request(datasets: LocalDatasets, staged: str, tmp_path: Path) -> None:
    (tmp_path / "older.csv").write_text("B,Y\n3,4\n")
    datasets.register(datasets.stage(tmp_path / "older.csv"))
    parameters = load_parameters(SANDBOX, PIPELINES["all"], ["test_data.data_path="])
    run = replace(RUN, settings=RunSettings(parameters))
    DataRegistrar(datasets).step_ended(run, replace(PASSED, results={"data_path": staged}))
    newest = datasets.get_version(LATEST)
    assert (newest.version, newest.url) == (2, staged)


@pytest.mark.parametrize(
    "given", [["test_data.data_path=older.csv"], []], ids=["an older version", "the sample, after a version"]
)
def test_a_reused_test_of_the_sample_does_not_replace_the_newest_version(
    datasets: LocalDatasets, staged: str, tmp_path: Path, given: list[str]
) -> None:
    (tmp_path / "newer.csv").write_text("A,Y\n3,4\n")
    newest = datasets.register(datasets.stage(tmp_path / "newer.csv"))
    parameters = load_parameters(SANDBOX, PIPELINES["all"], given)
    run = replace(RUN, settings=RunSettings(parameters))
    reused = replace(PASSED, state="reused", parameters={"data_path": ""}, results={"data_path": staged})
    DataRegistrar(datasets).step_ended(run, reused)
    assert datasets.find_newest() == newest


def test_new_data_is_registered_although_its_test_is_reused(datasets: LocalDatasets, staged: str) -> None:
    parameters = load_parameters(SANDBOX, PIPELINES["all"], [f"test_data.data_path={staged}"])
    run = replace(RUN, settings=RunSettings(parameters))
    reused = replace(PASSED, state="reused", parameters={"data_path": "copy.csv"}, results={"data_path": staged})
    DataRegistrar(datasets, staged).step_ended(run, reused)
    assert datasets.get_version(LATEST).url == staged
