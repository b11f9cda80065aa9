"""Parameters: declared in notebooks, set by layers; a mistake is named by file, key, value, and what is allowed."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from checkout import list_tracked
from command_line import PROJECT
from given_parameters import load_parameters, load_project
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mlops.errors import ParameterError
from mlops.parameters.declarations import Parameter, read_declarations
from mlops.parameters.lookup import RESERVED
from mlops.parameters.merging import Parameters
from mlops.parameters.overrides import Override
from mlops.pipelines import Step

STEPS = (
    Step("train", "02_train"),
    Step("deploy_qa", "06_deploy", environment="qa"),
    Step("deploy_production", "06_deploy", environment="production"),
)
TRAIN = """\
alpha = 0.4          # ridge penalty, no unit; in [0, inf)
share = 0.2          # of the rows; in (0, 0.5]
seed = 0             # in [0, 100]
offset = -1          # any whole number
shuffle = True       # whether to
solver = "svd"       # one of: svd, least-squares
label = ""           # free text
columns = ["AGE"]    # names
model_name = "m"     # name in the registry
platform = "local"   # the runner sets it
run_folder = ""      # the runner sets it
"""
DEPLOY = """\
environment = "qa"   # one of: qa, production
port = 0             # of the service; in [0, 65535]
model_name = "m"     # name in the registry
platform = "local"   # the runner sets it
"""


def write_notebook(path: Path, parameters: str) -> Path:
    """Write a notebook whose second cell is tagged `parameters`."""
    tagged = new_code_cell(parameters, metadata={"tags": ["parameters"]})
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Title"), tagged, new_code_cell("beta = alpha")]), path)
    return path


def load(project: Path, *overrides: str, **layers: str) -> Parameters:
    """Write a project of two notebooks and these layers, and load it."""
    write_notebook(project / "notebooks" / "02_train.ipynb", TRAIN)
    write_notebook(project / "notebooks" / "06_deploy.ipynb", DEPLOY)
    (project / "parameters").mkdir()
    for name, text in {"base": "platform: local", **layers}.items():
        (project / "parameters" / f"{name}.yml").write_text(text)
    return load_parameters(project, STEPS, overrides)


def test_a_declaration_is_a_literal_with_a_comment(tmp_path: Path) -> None:
    found = read_declarations(write_notebook(tmp_path / "02_train.ipynb", TRAIN))
    assert list(found)[:3] == ["alpha", "share", "seed"]
    assert found["alpha"] == Parameter("alpha", 0.4, "ridge penalty, no unit; in [0, inf)", "[0, inf)")
    assert found["share"] == Parameter("share", 0.2, "of the rows; in (0, 0.5]", "(0, 0.5]")
    assert found["solver"].options == ("svd", "least-squares")
    assert (found["offset"].default, found["offset"].interval, found["offset"].options) == (-1, "", ())


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("alpha", "a number in [0, inf)"),
        ("seed", "a whole number in [0, 100]"),
        ("shuffle", "true or false"),
        ("solver", "one of svd, least-squares"),
        ("label", "text"),
        ("columns", "a list"),
    ],
)
def test_a_declaration_says_what_it_takes(tmp_path: Path, name: str, allowed: str) -> None:
    assert read_declarations(write_notebook(tmp_path / "02_train.ipynb", TRAIN))[name].describe() == allowed


def test_a_notebook_without_the_cell_declares_nothing(tmp_path: Path) -> None:
    nbformat.write(new_notebook(cells=[new_code_cell("a = 1")]), tmp_path / "a.ipynb")
    assert read_declarations(tmp_path / "a.ipynb") == {}


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("seed = alpha", "'seed = alpha'"),
        ("folder = home() / 'x'", "\"folder = home() / 'x'\""),
        ("import os", "'import os'"),
        ("alpha: float = 0.4", "'alpha: float = 0.4'"),
        ("first, second = 1, 2", "'first, second = (1, 2)'"),
        ("first = second = 1", "'first = second = 1'"),
        ("label = f'{1}'", "\"label = f'{1}'\""),
    ],
)
def test_a_line_that_is_no_literal_is_refused(tmp_path: Path, line: str, shown: str) -> None:
    path = write_notebook(tmp_path / "02_train.ipynb", line)
    with pytest.raises(ParameterError, match=re.escape(f"{path}: {shown} in the parameters cell is not `name = lit")):
        read_declarations(path)


@pytest.mark.parametrize("line", ["%matplotlib inline", "alpha =", "alpha = (0.4", "alpha 0.4"])
def test_a_cell_that_is_no_python_is_refused(tmp_path: Path, line: str) -> None:
    path = write_notebook(tmp_path / "02_train.ipynb", f"seed = 0\n{line}")
    with pytest.raises(ParameterError, match=rf"^{re.escape(str(path))}: .*parameters cell"):
        read_declarations(path)


@pytest.mark.parametrize("default", ["None", "{'a': 1}", "(1, 2)", "b'a'", "1j"])
def test_a_literal_of_another_kind_is_refused(tmp_path: Path, default: str) -> None:
    path = write_notebook(tmp_path / "02_train.ipynb", f"given = {default}")
    with pytest.raises(ParameterError) as raised:
        read_declarations(path)
    assert str(raised.value) == f"{path}: the parameter given has the default {default}; use text or a number"


MISTAKES: dict[str, tuple[str, str]] = {
    "unknown section": (
        "step: {}",
        "parameters/base.yml: unknown section 'step'; allowed: platform, run, kernels, shared, steps",
    ),
    "unknown step": (
        "steps: {trian: {alpha: 1}}",
        "parameters/base.yml: steps.trian.alpha: there is no step 'trian'; did you mean 'train'? "
        "(known: train, deploy, deploy_qa, deploy_production)",
    ),
    "unknown parameter": (
        "steps: {deploy: {prot: 1}}",
        "parameters/base.yml: steps.deploy.prot: notebooks/06_deploy.ipynb declares no 'prot'; did you mean 'port'? "
        "(known: port, model_name)",
    ),
    "unknown shared parameter": (
        "shared: {xyz: 1}",
        "parameters/base.yml: shared.xyz: no notebook declares it (known: alpha, columns, label, model_name, offset, "
        "port, seed, share, shuffle, solver)",
    ),
    "unknown setting of the runner": (
        "run: {step_timeout: 1}",
        "parameters/base.yml: run.step_timeout is unknown; did you mean 'step_timeout_minutes'? "
        "(known: step_timeout_minutes)",
    ),
    "setting of the runner out of range": (
        "run: {step_timeout_minutes: -1}",
        "parameters/base.yml: run.step_timeout_minutes: -1 is not allowed; it takes a number in [0, inf)",
    ),
    "reserved name": (
        "steps: {train: {run_folder: /tmp}}",
        "parameters/base.yml: steps.train.run_folder: the runner itself sets 'run_folder'; take it out",
    ),
    "reserved shared name": (
        "shared: {platform: azure}",
        "parameters/base.yml: shared.platform: the runner itself sets 'platform'; take it out",
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
        "parameters/base.yml: steps: ['train'] is not a mapping; write `name: value` lines below it",
    ),
    "step that is no mapping": (
        "steps: {train: 0.4}",
        "parameters/base.yml: steps.train: 0.4 is not a mapping; write `name: value` lines below it",
    ),
    "file that is no mapping": (
        "- train",
        "parameters/base.yml: ['train'] is not a mapping; write `name: value` lines below it",
    ),
    "platform that is no name": (
        "platform: ../x",
        "parameters/base.yml: platform: '../x' is no platform's name; write for example `platform: local`",
    ),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ParameterError) as raised:
        load(tmp_path, base=text if text.startswith(("platform", "-")) else f"platform: local\n{text}")
    assert str(raised.value) == message


@pytest.mark.parametrize("layer", ["local", "qa", "production"])
def test_a_mistake_is_found_in_every_layer(tmp_path: Path, layer: str) -> None:
    with pytest.raises(ParameterError, match=rf"^parameters/{layer}.yml: steps.deploy.port: 70000 is not allowed; "):
        load(tmp_path, **{layer: "steps: {deploy: {port: 70000}}"})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\na: 2", "'a' stands twice in .*line 1, column 1"),
        ("steps:\n  train: {seed: 1, seed: 2}", "'seed' stands twice in .*line 2"),
        ("a: [1", "while parsing a flow sequence .*line 1"),
        ("a: b: c", "mapping values are not allowed here .*line 1"),
    ],
)
def test_a_file_that_is_no_yaml_is_named(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(ParameterError, match=rf"^parameters/base.yml is not valid YAML: {found}"):
        load(tmp_path, base=text)


WRONG = [
    ("alpha", "much", "'much' is not allowed; it takes a number in [0, inf)"),
    ("alpha", "-0.1", "-0.1 is not allowed; it takes a number in [0, inf)"),
    ("alpha", "true", "True is not allowed; it takes a number in [0, inf)"),
    ("alpha", "nan", "'nan' is not allowed; it takes a number in [0, inf)"),
    ("alpha", ".nan", "nan is not allowed; it takes a number in [0, inf)"),
    ("alpha", ".inf", "inf is not allowed; it takes a number in [0, inf)"),
    ("alpha", "[1]", "[1] is not allowed; it takes a number in [0, inf)"),
    ("alpha", "", "None is not allowed; it takes a number in [0, inf)"),
    ("alpha", "1" * 400, f"{'1' * 400} is not allowed; it takes a number in [0, inf)"),
    ("share", "0", "0 is not allowed; it takes a number in (0, 0.5]"),
    ("share", "0.51", "0.51 is not allowed; it takes a number in (0, 0.5]"),
    ("seed", "1.5", "1.5 is not allowed; it takes a whole number in [0, 100]"),
    ("seed", "true", "True is not allowed; it takes a whole number in [0, 100]"),
    ("seed", "101", "101 is not allowed; it takes a whole number in [0, 100]"),
    ("shuffle", "1", "1 is not allowed; it takes true or false"),
    ("shuffle", "maybe", "'maybe' is not allowed; it takes true or false"),
    ("columns", "AGE", "'AGE' is not allowed; it takes a list"),
    ("solver", "lasso", "'lasso' is not allowed; it takes one of svd, least-squares"),
]


@pytest.mark.parametrize(("name", "text", "message"), WRONG, ids=[f"{name}={text[:9]}" for name, text, _ in WRONG])
def test_a_wrong_value_is_named_wherever_it_stands(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(ParameterError) as raised:
        load(tmp_path / "file", base=f"platform: local\nsteps:\n  train:\n    {name}: {text}")
    assert str(raised.value) == f"parameters/base.yml: steps.train.{name}: {message}"
    with pytest.raises(ParameterError) as raised:
        load(tmp_path / "option", f"train.{name}={text}")
    allowed = message[message.index(" is not allowed") :]
    assert str(raised.value) == f"-p train.{name}: {text!r}{allowed}"


def test_a_number_for_a_text_is_refused_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(
        ParameterError, match=r"^parameters/base.yml: steps.train.label: 7 is not allowed; it takes text$"
    ):
        load(tmp_path, base="platform: local\nsteps: {train: {label: 7}}")


RIGHT: list[tuple[str, str, Any]] = [
    ("alpha", "1e-3", 0.001),
    ("alpha", "1", 1.0),
    ("alpha", "0", 0.0),
    ("share", "0.5", 0.5),
    ("seed", "100", 100),
    ("offset", "-7", -7),
    ("shuffle", "false", False),
    ("columns", "[AGE, SEX]", ["AGE", "SEX"]),
    ("solver", "least-squares", "least-squares"),
]


@pytest.mark.parametrize(("name", "text", "value"), RIGHT, ids=[f"{name}={text}" for name, text, _ in RIGHT])
def test_a_right_value_has_the_declared_type(tmp_path: Path, name: str, text: str, value: Any) -> None:
    file = load(tmp_path / "file", base=f"platform: local\nsteps:\n  train:\n    {name}: {text}")
    option = load(tmp_path / "option", f"train.{name}={text}")
    for found in (file.values["train"][name], option.values["train"][name]):
        assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", ["007", "1e-3", "true", "null", "a=b", " a\nb ", "", "[1]"])
def test_an_option_for_a_text_stays_as_it_was_typed(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, f"train.label={text}").values["train"]["label"] == text


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("tran.alpha=1", r"^-p tran.alpha: there is no step 'tran'; did you mean 'train'\?"),
        ("train.alhpa=1", r"^-p train.alhpa: notebooks/02_train.ipynb declares no 'alhpa'; did you mean 'alpha'\?"),
        ("deploy.environment=qa", r"^-p deploy.environment: the runner itself sets 'environment'; take it out$"),
        ("train.api_key=abc", r"^-p train.api_key: a secret is never a parameter, .* MLOPS_SECRET_API_KEY instead.$"),
    ],
)
def test_a_mistake_in_an_option_is_named(tmp_path: Path, option: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        load(tmp_path, option)


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
        ParameterError, match="steps.train.model_name: all notebooks must agree on it: set shared.model"
    ):
        load(tmp_path / "file", base=base)
    with pytest.raises(ParameterError, match="^-p train.model_name: all notebooks must agree on it"):
        load(tmp_path / "option", "train.model_name=c", base="platform: local\nshared: {model_name: b}")


def test_the_runner_tells_platform_and_environment_where_they_are_declared(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert (found.platform, found.step_timeout_minutes) == ("local", 10.0)
    assert found.values == {
        "train": {"platform": "local"},
        "deploy_qa": {"platform": "local", "environment": "qa"},
        "deploy_production": {"platform": "local", "environment": "production"},
    }


@pytest.mark.parametrize("path", list_tracked(PROJECT, "notebooks/*.ipynb"), ids=lambda path: path.stem)
def test_a_committed_notebook_explains_its_parameters(path: Path) -> None:
    declared = read_declarations(path)
    assert "run_folder" in declared
    assert [name for name, parameter in declared.items() if len(parameter.comment) < 10] == []
    numbers = [parameter for parameter in declared.values() if type(parameter.default) in (int, float)]
    assert [parameter.name for parameter in numbers if not parameter.interval] == []
    told = [declared[name].comment for name in RESERVED if name in declared and name != "environment"]
    assert all(comment.endswith("the runner sets it") for comment in told)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"qa": "platform: local"}, "parameters/qa.yml: platform: only parameters/base.yml chooses it; take it out"),
        (
            {"qa": "steps: {train: {alpha: 1}}"},
            "parameters/qa.yml: steps.train is no step of qa (known: deploy, deploy_qa)",
        ),
        (
            {"production": "run: {step_timeout_minutes: 1}"},
            "parameters/production.yml: run.step_timeout_minutes: it holds for whole runs, so it belongs in base.yml",
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


@pytest.mark.parametrize("line", ['name = ""  # text; in [0, 1]', "alpha = 1.0  # in [low, high]"])
def test_an_interval_that_means_nothing_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ParameterError, match="interval"):
        read_declarations(write_notebook(tmp_path / "02_train.ipynb", line))


def test_a_value_of_the_engine_s_own_is_checked_as_any(tmp_path: Path) -> None:
    load(tmp_path)
    project = load_project(tmp_path, STEPS)
    assert project.merge([Override("train", "shuffle", False, "--calm")]).values["train"]["shuffle"] is False
    with pytest.raises(ParameterError, match=r"^--calm: 'false' is not allowed; it takes true or false$"):
        project.merge([Override("train", "shuffle", "false", "--calm")])
