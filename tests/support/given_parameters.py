"""A project of two notebooks, and its parameters with the values of ``-p`` options, as a command would load them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mlops.parameters.merging import Parameters
from mlops.parameters.overrides import read_override
from mlops.parameters.project import Project
from mlops.pipelines import ALL_STEPS
from mlops.pipelines.step import Step
from mlops.workspace import Workspace

STEPS = (
    Step("train", "02_train"),
    Step("deploy_qa", "06_deploy", environment="qa"),
    Step("deploy_production", "06_deploy", environment="production"),
)
TRAIN = """\
alpha = 0.4          # ridge penalty, no unit; in [0, inf)
share = 0.2          # of the rows; in (0, 0.5]
seed = 0             # a whole number in [0, 100]
weight = 1           # in [0, inf)
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
port = 0             # of the service; a whole number in [0, 65535]
model_name = "m"     # name in the registry
platform = "local"   # the runner sets it
"""


def load_project(folder: Path, steps: Sequence[Step] = ALL_STEPS) -> Project:
    """Load the project in a folder, with its MLOPS_HOME and outputs below the same folder."""
    return Project.load(Workspace(folder, folder / "home", folder / "outputs"), steps)


def load_parameters(
    folder: Path, steps: Sequence[Step] = ALL_STEPS, texts: Iterable[str] = (), platform: str = ""
) -> Parameters:
    """Return the parameters of the project in a folder."""
    return load_project(folder, steps).merge([read_override(text) for text in texts], platform)


def write_notebook(path: Path, parameters: str) -> Path:
    """Write a notebook whose second cell is tagged `parameters`."""
    tagged = new_code_cell(parameters, metadata={"tags": ["parameters"]})
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Title"), tagged, new_code_cell("beta = alpha")]), path)
    return path


def load(project: Path, *overrides: str, **layers: str) -> Parameters:
    """Write a project with two notebooks and these layers, and load it."""
    write_notebook(project / "notebooks" / "02_train.ipynb", TRAIN)
    write_notebook(project / "notebooks" / "06_deploy.ipynb", DEPLOY)
    (project / "parameters").mkdir()
    for name, text in {"base": "platform: local", **layers}.items():
        (project / "parameters" / f"{name}.yml").write_text(text)
    return load_parameters(project, STEPS, overrides)
