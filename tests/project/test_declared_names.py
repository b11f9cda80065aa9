"""The names of steps, notebooks, parameters and results are data: the engine reads them from the steps' declarations.

Only `mlops.pipelines` spells them. Docstrings are left out, because an example there is an example: a project with
other names runs, even if a docstring says "02_train".
"""

import re
from dataclasses import astuple
from pathlib import Path

import pytest
from source_strings import list_modules, list_strings

from mlops.pipelines import ALL_STEPS

# Strings that look like the name of a step, and their real meaning.
OTHERS = {
    ("mlops.cli", "provision"): "a command",
    ("mlops.cli.commands", "provision"): "a command",
    ("mlops.platform.models", "override_reason"): "a tag of a model's version",
}
# Declared names that are also words of the engine.
ENGINE = {
    "model_name": "a parameter that all steps share, an option of `submit`, and a name in records",
    "model_version": "a name in records",
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


def test_the_engine_names_no_problem(project: Path) -> None:
    """Neither in code nor in help or docstrings, so that nobody looks in the engine for what a problem declares."""
    word = re.compile(r"diabetes|\bridge\b|\b(cv_)?mse\b", re.IGNORECASE)
    engine = project / "src" / "mlops"
    texts = {path.relative_to(engine).as_posix(): path.read_text(encoding="utf-8") for path in engine.rglob("*.py")}
    assert {name: word.findall(text) for name, text in texts.items() if word.search(text)} == {}
