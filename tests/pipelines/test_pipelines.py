"""The declarations of the steps agree with their notebooks."""

from pathlib import Path

import nbformat
import pytest

from mlops.parameters.declarations import read_declarations
from mlops.pipelines import (
    ALL_STEPS,
    BUILD,
    PIPELINES,
    RELEASE,
    RETRAIN,
    find_data_step,
    find_deployment,
    find_gate,
    find_release,
    find_training,
)
from mlops.pipelines.step import Deployment, Step
from mlops.record.scores import read_declared
from mlops.scraps import read_scraps

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAMES = [step.name for step in ALL_STEPS]


@pytest.mark.parametrize("step", ALL_STEPS, ids=NAMES)
def test_the_declared_parameters_are_the_notebooks(step: Step) -> None:
    declared = read_declarations(NOTEBOOKS / f"{step.notebook}.ipynb")
    allowing = {step.deploys.force, step.deploys.take_over, step.deploys.redeploy}
    allowing |= {step.decides.overruled_by, step.decides.override_reason}
    split = {step.trains.share, step.trains.seed} if step.trains else set()
    named = {*step.files, step.takes_data, step.deploys.image, *allowing, *split, *step.takes_build} - {""}
    assert named <= declared.keys()


@pytest.mark.parametrize("step", ALL_STEPS, ids=NAMES)
def test_the_declared_results_are_handed_on(step: Step) -> None:
    cells = nbformat.read(NOTEBOOKS / f"{step.notebook}.ipynb", as_version=4).cells
    (glued,) = [cell.source for cell in cells if "glue_results(" in cell.source]
    decision = {step.decides.result, step.decides.reason, step.overridden, step.refuses}
    results = {*decision, step.deploys.digest, step.takes_data, step.declares}
    files = {name for file in step.hands_on for name in file}
    for name in {*results, *files, *step.trains[:3], *step.names_dataset, *step.names_model, *step.compares} - {""}:
        assert f"{name}=" in glued, name
    assert f'f"{step.scored_by}{{' in glued or not step.scored_by


@pytest.mark.parametrize("step", [step for step in ALL_STEPS if step.declares], ids=lambda step: step.name)
def test_the_declared_metrics_are_handed_on_as_numbers(step: Step) -> None:
    handed_on = read_scraps(NOTEBOOKS / f"{step.notebook}.ipynb")
    problem = read_declared(handed_on, [step])
    assert problem is not None
    assert all(isinstance(handed_on[metric.name], float) for metric in problem.metrics)


def test_steps_are_found_by_what_they_declare() -> None:
    (data,) = BUILD
    assert find_data_step(PIPELINES["all"]) == data
    assert find_data_step(RELEASE) is None
    assert [find_deployment(RELEASE, name) for name in ("qa", "production")] == [RELEASE[0], RELEASE[2]]
    assert find_deployment(RELEASE, "staging") is None
    assert find_release(RELEASE) == RELEASE[3]
    assert find_release(BUILD) is None
    assert (find_training(PIPELINES["all"]), find_gate(PIPELINES["all"])) == RETRAIN[1:3]
    assert (find_training(RELEASE), find_gate(RELEASE)) == (None, None)


def test_steps_of_other_names_are_found_as_well() -> None:
    steps = (
        Step("read", "01_x", takes_data="file"),
        Step("serve", "02_x", environment="eu", deploys=Deployment(digest="sha")),
    )
    assert find_data_step(steps) == steps[0]
    assert find_deployment(steps, "eu") == steps[1]
