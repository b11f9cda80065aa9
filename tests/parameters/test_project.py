"""A project's files: each is read once, and the platform decides which of them apply."""

import sys
from pathlib import Path

import pytest
from given_parameters import load_parameters, load_project

from mlops.errors import ParameterError
from mlops.parameters.overrides import read_override
from mlops.pipelines import PIPELINES
from mlops.workspace import Workspace


def test_the_project_s_own_parameters_load(workspace: Workspace) -> None:
    found = load_parameters(workspace.project, PIPELINES["all"])
    assert found.platform == "local"
    assert found.values["train"] == {"alpha": 0.4, "holdout_share": 0.2, "seed": 0, "platform": "local"}
    assert list(found.values) == [step.name for step in PIPELINES["all"]]


def test_the_platform_asked_for_chooses_the_file(workspace: Workspace) -> None:
    loaded = load_project(workspace.project)
    assert loaded.default_platform == "local"
    assert [loaded.merge(platform=name).values["train"]["platform"] for name in ("", "azure")] == ["local", "azure"]


def test_each_file_is_read_once_however_often_values_are_merged(workspace: Workspace) -> None:
    opened: list[str] = []
    hooks = {"on": True}

    def hear(event: str, given: tuple[object, ...]) -> None:
        if hooks["on"] and event == "open" and str(given[0]).endswith((".ipynb", ".yml")):
            opened.append(Path(str(given[0])).name)

    sys.addaudithook(hear)  # cannot be removed
    loaded = load_project(workspace.project)
    loaded.merge()
    loaded.merge([read_override("train.alpha=1")])
    loaded.declared("02_train")
    hooks["on"] = False
    assert len(opened) == len(set(opened))
    assert {"base.yml", "local.yml", "02_train.ipynb"} <= set(opened)


def test_a_platform_is_a_name(workspace: Workspace) -> None:
    with pytest.raises(ParameterError, match=r"platform: '\.\./x' is not the name of a platform"):
        load_project(workspace.project).merge(platform="../x")
