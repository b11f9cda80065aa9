"""Copies of the project that solve one of the problems in ``tests/support/problems/``."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from checkout import list_tracked
from command_line import PROJECT, CommandLine

from mlops.backends.azure.connection.settings import DECLARED as AZURE
from mlops.backends.local.settings import DECLARED as LOCAL
from mlops.data.kinds.reference import make_reference
from mlops.data.profile import encode_profile
from mlops.parameters.code import list_names
from mlops.parameters.declarations import TAG, Parameter
from mlops.problem import load
from mlops.workspace import Workspace

PROBLEMS = Path(__file__).with_name("problems")
COPIED = ("notebooks", "parameters", "environment.yml", "pyproject.toml", "requirements.lock", "src/run_step.py")
ENGINE = "src/mlops"
# The lines that a user writes into the `parameters` cell of 02_train for each of the problems.
HYPERPARAMETERS = {
    "progression": {"alpha": "0.4  # ridge penalty, no unit; in [0, 1000000]"},
    "cancer": {
        "inverse_penalty": "1.0  # inverse of the penalty, no unit; in (0, 1000000]",
        "components": "10  # principal components, no unit; a whole number in [1, 30]",
    },
    "churn": {
        "trees": "40  # trees of the model; a whole number in [1, 1000]",
        "learning_rate": "0.1  # weight of each tree, no unit; in (0, 1]",
        "depth": "2  # levels of each tree; a whole number in [1, 10]",
    },
    "ridge": {"alpha": "0.4  # ridge penalty, no unit; in [0, 1000000]"},
    "boosting": {"trees": "100  # trees of the model; a whole number in [1, 1000]"},
}
# For each platform, its settings, and the other sections of its parameter file.
PLATFORMS: dict[str, tuple[tuple[Parameter, ...], dict[str, Any]]] = {
    "azure": (AZURE, {"run": {"step_timeout_minutes": 60}, "steps": {"deploy": {"ready_seconds": 600}}}),
    "local": (LOCAL, {"steps": {"deploy": {"ready_seconds": 30}}}),
}
STEPS: dict[str, Any] = {"train": {"holdout_share": 0.2, "seed": 0}, "evaluate": {"confidence": 0.95}}


@dataclass(frozen=True)
class OtherCommandLine(CommandLine):
    """The `mlops` command in a copy of the project. Python finds the packages of the copy first."""

    @property
    def _own(self) -> dict[str, str]:
        return {**super()._own, "PYTHONPATH": str(self.workspace.project / "src")}


def copy_project(folder: Path, name: str) -> CommandLine:
    """Copy the project into `folder/project`, have it solve the problem `name`, and return its command line.

    The result does not depend on the problem that the checkout solves. The copy has the notebooks of the checkout, but
    not its problem, its hyperparameters, or its values for steps and platforms. If the copy exists already, its problem
    is replaced, so that several problems share the parent of warm kernels.
    """
    copy = folder / "project"
    copy_files(copy)
    add_problem(copy, name)
    write_parameters(copy, HYPERPARAMETERS[name])
    write_base(copy, name, HYPERPARAMETERS[name])
    write_platforms(copy)
    return OtherCommandLine(Workspace(copy, folder / "home", folder / "outputs"))


def copy_files(copy: Path) -> None:
    """Copy the checkout without its problem and without the outputs of its notebooks, which depend on the problem.

    The engine is linked instead of copied, so that it is not compiled again.
    """
    for path in list_tracked(PROJECT, *COPIED):
        place = copy / path.relative_to(PROJECT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    for path in (copy / "notebooks").glob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            cell.update({"outputs": []} if cell["cell_type"] == "code" else {})
        write_notebook(path, notebook)
    if not (copy / ENGINE).exists():
        (copy / ENGINE).symlink_to(PROJECT / ENGINE)


def add_problem(project: Path, name: str) -> None:
    """Add the package of a problem to a project, together with the profile of its sample data."""
    package = project / "src" / name
    shutil.copytree(PROBLEMS / name, package, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    profile = package / "reference_profile.json"
    if not profile.exists():
        problem = load(name)
        profile.write_bytes(encode_profile(make_reference(problem.load_sample(), problem.columns)))


def write_parameters(project: Path, lines: Mapping[str, str]) -> None:
    """Replace the hyperparameters in the `parameters` cell of 02_train: all parameters that no other cell uses.

    Parameters
    ----------
    project : Path
        The copy of the project.
    lines : mapping of str to str
        The default of each hyperparameter, with its comment, by name.
    """
    path = project / "notebooks" / "02_train.ipynb"
    notebook, used = json.loads(path.read_text()), list_names(path)
    cell = next(cell for cell in notebook["cells"] if TAG in cell["metadata"].get("tags", ()))
    kept = [line for line in cell["source"] if re.split(r"\W", line)[0] in used]
    cell["source"] = [*(f"{name} = {line}\n" for name, line in lines.items()), *kept]
    write_notebook(path, notebook)


def write_notebook(path: Path, notebook: Mapping[str, Any]) -> None:
    """Write a notebook as Jupyter does."""
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_base(project: Path, name: str, lines: Mapping[str, str]) -> None:
    """Set the problem and its values for steps in base.yml."""
    path = project / "parameters" / "base.yml"
    hyperparameters = {name: yaml.safe_load(line) for name, line in lines.items()}
    steps = {**STEPS, "train": {**hyperparameters, **STEPS["train"]}}
    base = {**yaml.safe_load(path.read_text()), "problem": name, "shared": {}, "steps": steps}
    path.write_text(yaml.safe_dump(base, sort_keys=False))


def write_platforms(project: Path) -> None:
    """Set all settings of the platforms to their defaults. The checkout can have other values, such as a fixed port."""
    for name, (declared, others) in PLATFORMS.items():
        settings = {parameter.name: parameter.default for parameter in declared}
        path = project / "parameters" / f"{name}.yml"
        path.write_text(yaml.safe_dump({name: settings, **others}, sort_keys=False))
