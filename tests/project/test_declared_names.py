"""The names of steps, notebooks, parameters and results are data: the engine reads them from the steps' declarations.

Only `mlops.pipelines` spells them. Docstrings are left out, because an example there is an example: a project with
other names runs, even if a docstring says "02_train".
"""

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from other_project import copy_project
from progression import problem
from source_strings import list_modules, list_strings

from mlops.backends.azure.connection.settings import DECLARED as AZURE
from mlops.backends.azure.connection.settings import NAMED_AFTER_MODEL, read_settings
from mlops.backends.azure.images.images import name_repository
from mlops.cli import main
from mlops.operations.opening import open_project
from mlops.parameters.declarations import TAG, Setting, check_value
from mlops.parameters.project import Project
from mlops.pipelines import ALL_STEPS
from mlops.problem.consistency import NAME
from mlops.workspace import Workspace

# Strings that look like the name of a step, and their real meaning.
OTHERS = {
    ("mlops.cli", "provision"): "a command",
    ("mlops.cli.commands", "provision"): "a command",
}
# Declared names that are also words of the engine.
ENGINE = {
    "model_name": "a parameter that all steps share, an option of `submit`, and a name in records",
    "model_version": "a name in records",
    "holdout_share": "a name in records of older trainings, and in an error about the split",
    "dataset_version": "an option of `submit`",
}
WORD = re.compile(r"\w+")


def list_declared(value: object) -> set[str]:
    """Return the strings in a declaration that are more than a word of English."""
    if isinstance(value, tuple):
        return {name for item in value for name in list_declared(item)}
    return {value} if isinstance(value, str) and value.isidentifier() and "_" in value else set()


@pytest.fixture(scope="module")
def declared() -> set[str]:
    """The names of notebooks, and every name in a step's declaration that no other word is spelled like."""
    names = {name for step in ALL_STEPS for name in list_declared(astuple(step))}
    return {step.notebook for step in ALL_STEPS} | names - set(ENGINE)


def test_no_module_but_the_declarations_spells_a_declared_name(project: Path, declared: set[str]) -> None:
    names = {step.name for step in ALL_STEPS}
    field_of_step = re.compile(rf"\b(?:{'|'.join(names)})\.\w")
    found = {
        (module, word)
        for module, path in list_modules(project / "src").items()
        if not module.startswith("mlops.pipelines")
        for text in list_strings(path)
        for word in ({text} & names) | ({*WORD.findall(text)} & declared) | {*field_of_step.findall(text)}
    }
    assert found == set(OTHERS)


def test_every_declared_name_is_looked_for(declared: set[str]) -> None:
    assert {"02_train", "test_data", "data_path", "data_sha256", "training_rows", "promote_always"} <= declared


NAMES = re.compile(r"diabetes|\bridge\b|\b(cv_)?mse\b", re.IGNORECASE)
EXAMPLE = re.compile(
    r"(?i)diabetes|patient|disease|progress(?:ed|ion)|baseline|measurements|ridge|penalty|alpha|`(mae|mse|r2)`"
)


def test_the_engine_names_no_problem(project: Path) -> None:
    """Neither in code nor in docstrings, so that nobody looks in the engine for what a problem declares."""
    engine = project / "src" / "mlops"
    texts = {path.relative_to(engine).as_posix(): path.read_text(encoding="utf-8") for path in engine.rglob("*.py")}
    assert {name: NAMES.findall(text) for name, text in texts.items() if NAMES.search(text)} == {}


def list_commands(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command, beginning with the group itself."""
    yield words
    if isinstance(command, click.Group):
        for name, found in command.commands.items():
            yield from list_commands(found, (*words, name))


def test_the_help_of_no_command_names_the_problem(tmp_path: Path) -> None:
    """`mlops run --help` lists the parameters of the notebooks, so it is read in a project with another problem."""
    other = copy_project(tmp_path, "cancer").workspace.project
    with contextlib.chdir(other):
        texts = {words: CliRunner().invoke(main, [*words, "--help"]).stdout for words in list_commands(main)}
    assert len(texts) > 15
    assert {words: NAMES.findall(text) for words, text in texts.items() if NAMES.search(text) or not text} == {}


def test_notebooks_name_the_problem_only_in_prose_and_hyperparameters(project: Path) -> None:
    """Neither their code nor their metadata have a name of the problem, a column, a metric or a model."""
    declared = {
        problem.name,
        *(column.name for column in problem.columns),
        *(metric.name for metric in problem.metrics),
    }
    found = {}
    for path in sorted((project / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        texts = ["".join(cell["source"]) for cell in code if TAG not in cell["metadata"].get("tags", ())]
        texts += [json.dumps(part["metadata"]) for part in (notebook, *notebook["cells"])]
        named = {name for text in texts for name in {*WORD.findall(text)} & declared | {*NAMES.findall(text)}}
        if named:
            found[path.name] = named
    assert found == {}


def test_prose_speaks_of_the_example_only_in_two_cells(project: Path) -> None:
    """docs/your-own-problem.md names the two, which must be rewritten for another problem."""
    cells = [
        (path.stem, "".join(cell["source"]))
        for path in sorted((project / "notebooks").glob("*.ipynb"))
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "markdown"
    ]
    found = [(name, text.splitlines()[0].lstrip("# ")) for name, text in cells if EXAMPLE.search(text)]
    named = [("02_train", "Train the model"), ("02_train", "The fit")]
    assert [cell for cell in found if cell not in named] == []
    guide = (project / "docs" / "your-own-problem.md").read_text(encoding="utf-8")
    assert all(f'"{title}"' in guide for _, title in named)


def test_the_import_of_a_declaration_imports_no_slow_library(project: Path) -> None:
    """Every command imports the declaration. Its time is a line of `make bench ONLY=start`."""
    code = (
        "import sys, progression, cancer, churn; "
        "print(*sorted({'numpy', 'pandas', 'scipy', 'sklearn', 'matplotlib', 'mlflow', 'skops'} & {*sys.modules}))"
    )
    path = project / "tests" / "support" / "problems"
    ran = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(path)}, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == []


def test_the_names_that_derive_from_the_problem_stay(workspace: Workspace) -> None:
    """A change of one of these names would leave the models, data and services of all homes and workspaces behind."""
    settings = read_settings(workspace, {})
    assert open_project(Project.load(workspace), platform="local").model_name == "diabetes"
    assert {name: settings.require_name(name) for name in NAMED_AFTER_MODEL} == {
        "dataset": "diabetes",
        "dataset_path": "data/diabetes.csv",
        "pipeline": "diabetes-retraining",
        "qa_service": "diabetes-qa",
        "production_service": "diabetes-production",
    }
    assert name_repository("diabetes") == "diabetes"


def test_every_allowed_name_of_a_problem_keeps_the_rules_of_azure() -> None:
    """The SDK's own functions check the longest and the shortest name."""
    pytest.importorskip("azureml.core")
    from azureml._model_management import _util as validation

    for name in ("abc", "a-1", "a--b", "a" * 21):
        assert NAME.fullmatch(name)
        validation.model_name_validation(name)
        assert name_repository(name) == name
        for setting in ("qa_service", "production_service"):
            validation.webservice_name_validation(NAMED_AFTER_MODEL[setting].format(name))
        for parameter in AZURE:
            if parameter.name in NAMED_AFTER_MODEL:
                check_value(parameter, Setting(NAMED_AFTER_MODEL[parameter.name].format(name), "a test"))
    for name in ("ab", "a" * 22, "Ab1", "1ab", "a_b", "ab-", "-ab", "a.b", "äbc", "abc\n"):
        assert not NAME.fullmatch(name)
