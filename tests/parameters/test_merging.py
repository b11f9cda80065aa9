"""The layer that wins, and the values of a step."""

from pathlib import Path

import pytest
from given_parameters import STEPS, load, load_project

from mlops.errors import ParameterError
from mlops.parameters.overrides import Override

FILES = {
    "base": "platform: local\nshared: {model_name: b1}\nsteps: {deploy: {port: 1}, deploy_qa: {port: 2}}",
    "local": "steps: {deploy: {port: 3}}",
    "qa": "steps: {deploy: {port: 4}}",
}


@pytest.mark.parametrize(
    ("files", "options", "port"),
    [
        ([], [], None),
        (["base"], [], 2),
        (["base", "local"], [], 3),
        (["base", "local", "qa"], [], 4),
        (["base", "local", "qa"], ["deploy.port=5"], 5),
        (["base", "local", "qa"], ["deploy_qa.port=6", "deploy.port=5"], 6),
        (["base", "local", "qa"], ["deploy.port=5", "deploy.port=7"], 7),
    ],
    ids=["literal", "base", "platform", "environment", "-p notebook", "-p step", "-p twice"],
)
def test_a_later_layer_is_stronger(tmp_path: Path, files: list[str], options: list[str], port: int | None) -> None:
    found = load(tmp_path, *options, **{name: FILES[name] for name in files})
    assert found.values["deploy_qa"].get("port") == port


def test_an_environment_s_file_holds_for_its_steps_alone(tmp_path: Path) -> None:
    found = load(tmp_path, base="platform: local\nsteps: {deploy: {port: 1}}", qa="steps: {deploy: {port: 4}}")
    assert [found.values[step]["port"] for step in ("deploy_qa", "deploy_production")] == [4, 1]


def test_a_shared_value_holds_for_every_notebook_that_declares_it(tmp_path: Path) -> None:
    base = "platform: local\nshared: {model_name: b}"
    found = load(tmp_path / "file", base=base)
    assert {values["model_name"] for values in found.values.values()} == {"b"}
    found = load(tmp_path / "option", "shared.model_name=c", base=base)
    assert {values["model_name"] for values in found.values.values()} | {found.shared["model_name"]} == {"c"}


def test_notebooks_cannot_disagree_on_a_shared_value(tmp_path: Path) -> None:
    base = "platform: local\nshared: {model_name: b}\nsteps: {train: {model_name: own}}"
    with pytest.raises(
        ParameterError, match="steps.train.model_name: all notebooks must use the same value. Set shared.model"
    ):
        load(tmp_path / "file", base=base)
    with pytest.raises(ParameterError, match="^-p train.model_name: all notebooks must use the same value"):
        load(tmp_path / "option", "train.model_name=c", base="platform: local\nshared: {model_name: b}")


def test_the_runner_tells_platform_and_environment_where_they_are_declared(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert (found.platform, found.step_timeout_minutes) == ("local", 10.0)
    assert found.values == {
        "train": {"platform": "local"},
        "deploy_qa": {"platform": "local", "environment": "qa"},
        "deploy_production": {"platform": "local", "environment": "production"},
    }


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            {"qa": "platform: local"},
            "parameters/qa.yml: platform can be set only in parameters/base.yml. Remove it here.",
        ),
        (
            {"qa": "steps: {train: {alpha: 1}}"},
            "parameters/qa.yml: steps.train is not a step of qa. Known: deploy, deploy_qa.",
        ),
        (
            {"production": "run: {step_timeout_minutes: 1}"},
            "parameters/production.yml: run.step_timeout_minutes applies to whole runs. It belongs in base.yml.",
        ),
    ],
)
def test_what_would_be_ignored_is_refused(tmp_path: Path, layers: dict[str, str], message: str) -> None:
    with pytest.raises(ParameterError) as raised:
        load(tmp_path, **layers)
    assert str(raised.value) == message


def test_numbers_are_read_as_people_read_them(tmp_path: Path) -> None:
    """YAML would read 010 as 8."""
    assert load(tmp_path, "train.seed=010").values["train"]["seed"] == 10


def test_no_limit_is_a_timeout_of_zero(tmp_path: Path) -> None:
    assert load(tmp_path, base="platform: local\nrun: {step_timeout_minutes: 0}").step_timeout_minutes == 0


def test_a_value_of_the_engine_s_own_is_checked_as_any(tmp_path: Path) -> None:
    load(tmp_path)
    project = load_project(tmp_path, STEPS)
    assert project.merge([Override("train", "shuffle", False, "--calm")]).values["train"]["shuffle"] is False
    with pytest.raises(ParameterError, match=r"^--calm is 'false', but it must be true or false\.$"):
        project.merge([Override("train", "shuffle", "false", "--calm")])
