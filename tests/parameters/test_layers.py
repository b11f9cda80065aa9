"""The files of the layers: a mistake is named by file, key and value, with what is allowed."""

import json
from pathlib import Path

import pytest
from given_parameters import STEPS, load, load_project

from mlops.errors import ParameterError
from mlops.parameters.layers import read_layer

MISTAKES: dict[str, tuple[str, str]] = {
    "unknown section": (
        "step: {}",
        "parameters/base.yml: unknown section 'step'. Allowed: platform, run, kernels, shared, steps, problem.",
    ),
    "parameter without a section": (
        "service_workers: 2",
        "parameters/base.yml: unknown section 'service_workers'. Allowed: platform, run, kernels, shared, steps, "
        "problem. A parameter must be indented below a section.",
    ),
    "unknown step": (
        "steps: {trian: {alpha: 1}}",
        "parameters/base.yml: steps.trian.alpha: there is no step 'trian'. Did you mean train.alpha? "
        "Steps: train, deploy_qa, deploy_production.",
    ),
    "unknown parameter": (
        "steps: {deploy: {prot: 1}}",
        "parameters/base.yml: steps.deploy.prot: notebooks/06_deploy.ipynb has no parameter 'prot'. "
        "Did you mean 'port'? Known: port, model_name.",
    ),
    "unknown shared parameter": (
        "shared: {xyz: 1}",
        "parameters/base.yml: shared.xyz: no notebook has this parameter. Known: alpha, columns, label, model_name, "
        "offset, port, seed, share, shuffle, solver, weight.",
    ),
    "unknown setting of the runner": (
        "run: {step_timeout: 1}",
        "parameters/base.yml: run.step_timeout is unknown. Did you mean 'step_timeout_minutes'? "
        "Known: step_timeout_minutes.",
    ),
    "setting of the runner out of range": (
        "run: {step_timeout_minutes: -1}",
        "parameters/base.yml: run.step_timeout_minutes is -1, but it must be a number in [0, inf).",
    ),
    "reserved name": (
        "steps: {train: {run_folder: /tmp}}",
        "parameters/base.yml: steps.train.run_folder: the runner sets 'run_folder' itself. Remove it.",
    ),
    "reserved shared name": (
        "shared: {platform: azure}",
        "parameters/base.yml: shared.platform: the runner sets 'platform' itself. Remove it.",
    ),
    "secret": (
        "steps: {train: {storage_account_key: abc}}",
        "parameters/base.yml: steps.train.storage_account_key: a secret is never a parameter, because papermill "
        "writes parameters into the notebook. Set the environment variable MLOPS_SECRET_STORAGE_ACCOUNT_KEY instead.",
    ),
    "shared secret": (
        "shared: {db_password: abc}",
        "parameters/base.yml: shared.db_password: a secret is never a parameter, because papermill writes "
        "parameters into the notebook. Set the environment variable MLOPS_SECRET_DB_PASSWORD instead.",
    ),
    "section that is no mapping": (
        "steps: [train]",
        "parameters/base.yml: steps is ['train'], but it must be a mapping. Write `name: value` lines below it.",
    ),
    "step that is no mapping": (
        "steps: {train: 0.4}",
        "parameters/base.yml: steps.train is 0.4, but it must be a mapping. Write `name: value` lines below it.",
    ),
    "file that is no mapping": (
        "- train",
        "parameters/base.yml is ['train'], but it must be a mapping. Write `name: value` lines below it.",
    ),
    "platform that is no name": (
        "platform: ../x",
        "parameters/base.yml: platform: '../x' is not the name of a platform. For example, write `platform: local`.",
    ),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ParameterError) as raised:
        load(tmp_path, base=text if text.startswith(("platform", "-")) else f"platform: local\n{text}")
    assert str(raised.value) == message


def test_a_notebook_that_declares_nothing_is_blamed_instead_of_the_file(tmp_path: Path) -> None:
    notebook = tmp_path / "notebooks" / "02_train.ipynb"
    load(tmp_path)
    content = json.loads(notebook.read_text())
    for cell in content["cells"]:
        cell["metadata"]["tags"] = []
    notebook.write_text(json.dumps(content))
    (tmp_path / "parameters" / "base.yml").write_text("platform: local\nsteps: {train: {alpha: 1}}")
    said = "notebooks/02_train.ipynb does not declare parameters, but parameters/base.yml: steps.train.alpha sets one. "
    with pytest.raises(ParameterError, match=said):
        load_project(tmp_path, STEPS).merge()


@pytest.mark.parametrize("layer", ["local", "qa", "production"])
def test_a_mistake_is_found_in_every_layer(tmp_path: Path, layer: str) -> None:
    with pytest.raises(ParameterError, match=rf"^parameters/{layer}.yml: steps.deploy.port is 70000, but it must be "):
        load(tmp_path, **{layer: "steps: {deploy: {port: 70000}}"})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\na: 2", "'a' appears twice in .*line 1, column 1"),
        ("steps:\n  train: {seed: 1, seed: 2}", "'seed' appears twice in .*line 2"),
        ("a: [1", "while parsing a flow sequence .*line 1"),
        ("a: b: c", "mapping values are not allowed here .*line 1"),
    ],
)
def test_a_file_that_is_no_yaml_is_named(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(ParameterError, match=rf"^parameters/base.yml is not valid YAML: {found}"):
        load(tmp_path, base=text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("problem: progression\n", "diabetes"),
        ("problem: progression\nshared: {model_name: ''}\n", "diabetes"),
        ("problem: progression\nshared: {model_name: other}\n", "other"),
        ("problem: no_such_package\n", None),
        ("platform: local\n", None),
    ],
)
def test_the_model_is_named_after_the_problem(tmp_path: Path, text: str, name: str | None) -> None:
    (tmp_path / "base.yml").write_text(text)
    found = read_layer(tmp_path / "base.yml").shared.get("model_name")
    assert (found.value if found else None) == name
