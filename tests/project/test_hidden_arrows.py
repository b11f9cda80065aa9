"""Strings that name a module, or something in one, are dependencies that import-linter cannot see.

Each is listed here with its reason. None names a module of a higher floor: what a lower floor needs of a higher one is
handed down as an argument.
"""

import re
import tomllib
from collections.abc import Collection
from pathlib import Path

import pytest
from source_strings import list_modules, list_strings

ARROWS = {
    ("mlops.__main__", "mlops.cli:run_program"): "what a fork of the warm parent runs",
    ("mlops.cli.options", "mlops.cli"): "what a platform is given to start runs in the background",
    ("mlops.cli", "mlops.kernels"): "the logger that a filter is put on",
    ("mlops.problem.consistency", "mlops.problem.metrics"): "a message says where the stock metrics are",
    ("mlops.data.kinds.proposal", "mlops.problem"): "a proposed declaration imports it",
    ("mlops.contract.imports", "mlops.problem"): "the only part of the engine that a problem can import",
    ("mlops.problem.loading", "mlops.problem.Problem"): "a message says what a package must declare",
    ("mlops.kernels.needs", "mlops.notebook.load_problem"): "a notebook that calls it needs the project's packages",
    ("mlops.kernels.provisioner", "mlops.kernels"): "the logger's own name",
    ("mlops.kernels.parent_client", "mlops.kernels.parent"): "the parent is a process of its own",
    ("mlops.backends.azure.infrastructure.arm_template", "mlops.backends.azure.infrastructure"): "holds the template",
}
NAME = re.compile(r"\bmlops(?:\.\w+)+(?::\w+)?")


def read_floors(project: Path) -> list[list[str]]:
    """Return the rooms of each floor, the highest first."""
    settings = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = [
        contract["layers"] for contract in settings["tool"]["importlinter"]["contracts"] if "layers" in contract
    ]
    return [[f"mlops.{room}" for room in re.split(r"\s*[|:]\s*", layer)] for layer in layers]


def find_floor(module: str, floors: list[list[str]]) -> int:
    """Return the number of a module's floor; the highest is 0."""
    return next(
        number
        for number, rooms in enumerate(floors)
        for room in rooms
        if module == room or module.startswith(f"{room}.")
    )


@pytest.fixture(scope="module")
def arrows(project: Path) -> set[tuple[str, str]]:
    """Every module with each string in it that names a module."""
    modules = list_modules(project / "src")
    return {
        (module, name)
        for module, path in modules.items()
        for text in list_strings(path)
        for name in NAME.findall(text)
        if find_module(name, modules)
    }


def find_module(name: str, modules: Collection[str]) -> str:
    """Return the longest part of a name that is a module below `mlops`: "mlops.data" of "mlops.data.read"."""
    parts = name.partition(":")[0].split(".")
    candidates = (".".join(parts[:length]) for length in range(len(parts), 1, -1))
    return next((candidate for candidate in candidates if candidate in modules), "")


def test_every_string_that_names_a_module_is_listed_with_its_reason(arrows: set[tuple[str, str]]) -> None:
    assert arrows == set(ARROWS)


def test_none_names_a_higher_floor(arrows: set[tuple[str, str]], project: Path) -> None:
    floors = read_floors(project)
    upwards = [
        (module, name)
        for module, name in arrows
        if find_floor(name.partition(":")[0], floors) < find_floor(module, floors)
    ]
    assert upwards == []
