"""A copy of the project that solves another problem, one of those in ``tests/support/problems/``."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from checkout import list_tracked
from command_line import PROJECT, CommandLine

from mlops.data.kinds.reference import make_reference
from mlops.data.profile import encode_profile
from mlops.parameters.declarations import TAG
from mlops.problem import load
from mlops.workspace import Workspace

PROBLEMS = Path(__file__).with_name("problems")
COPIED = ("notebooks", "parameters", "pyproject.toml", "requirements.lock", "src/run_step.py")
ENGINE = "src/mlops"
# The lines that a user writes into the `parameters` cell of 02_train instead of those for the example.
HYPERPARAMETERS = {
    "cancer": {
        "inverse_penalty": "1.0  # inverse of the penalty, no unit; in (0, 1000000]",
        "components": "10  # principal components, no unit; a whole number in [1, 30]",
    },
    "churn": {
        "trees": "40  # trees of the model; a whole number in [1, 1000]",
        "learning_rate": "0.1  # weight of each tree, no unit; in (0, 1]",
        "depth": "2  # levels of each tree; a whole number in [1, 10]",
    },
}


@dataclass(frozen=True)
class OtherCommandLine(CommandLine):
    """The `mlops` command in a copy of the project, whose packages are found first."""

    @property
    def _own(self) -> dict[str, str]:
        return {**super()._own, "PYTHONPATH": str(self.workspace.project / "src")}


def copy_project(folder: Path, name: str, project: Path = PROJECT) -> CommandLine:
    """Copy the project into `folder/project`, have it solve the problem `name`, and return its command line.

    Only `src/<name>/`, `problem` and `steps.train` in base.yml, and the `parameters` cell of 02_train differ from the
    original. An existing copy is changed to this problem. Two problems in one copy share the parent of warm kernels.
    """
    mlops = copy_files(folder, project)
    add_problem(mlops.workspace.project, name)
    declare_hyperparameters(mlops.workspace.project, HYPERPARAMETERS[name])
    return mlops


def copy_files(folder: Path, project: Path = PROJECT) -> CommandLine:
    """Copy the project without its problem into `folder/project`, and return its command line.

    The engine is a link to the original, so that it is not compiled again.
    """
    copy = folder / "project"
    for path in list_tracked(project, *COPIED):
        place = copy / path.relative_to(project)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    if not (copy / ENGINE).exists():
        (copy / ENGINE).symlink_to(project / ENGINE)
    return OtherCommandLine(Workspace(copy, folder / "home", folder / "outputs"))


def add_problem(project: Path, name: str) -> None:
    """Add the package of a problem to a project, with the profile of its sample, and name it in base.yml."""
    package = project / "src" / name
    shutil.copytree(PROBLEMS / name, package, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    profile = package / "reference_profile.json"
    if not profile.exists():
        problem = load(name)
        profile.write_bytes(encode_profile(make_reference(problem.load_sample(), problem.columns)))
    base = project / "parameters" / "base.yml"
    base.write_text(re.sub(r"^problem: \w+", f"problem: {name}", base.read_text(), flags=re.MULTILINE))


def declare_hyperparameters(project: Path, lines: Mapping[str, str]) -> None:
    """Replace the hyperparameters of the example in 02_train and base.yml by `lines`, as for `write_parameters`."""
    write_parameters(project, lines)
    base = project / "parameters" / "base.yml"
    defaults = "".join(f"    {name}: {line.split('  #')[0]}\n" for name, line in lines.items())
    base.write_text(re.sub(r"^    alpha: .*\n", defaults, base.read_text(), flags=re.MULTILINE))


def write_parameters(project: Path, lines: Mapping[str, str]) -> None:
    """Replace the hyperparameters of the example in the `parameters` cell of 02_train.

    Parameters
    ----------
    project : Path
        The copy of the project.
    lines : mapping of str to str
        The default of each hyperparameter, with its comment, by name.
    """
    path = project / "notebooks" / "02_train.ipynb"
    notebook = json.loads(path.read_text())
    cell = next(cell for cell in notebook["cells"] if TAG in cell["metadata"].get("tags", ()))
    kept = [line for line in cell["source"] if not line.startswith("alpha ")]
    cell["source"] = [*(f"{name} = {line}\n" for name, line in lines.items()), *kept]
    path.write_text(json.dumps(notebook, indent=1) + "\n")
