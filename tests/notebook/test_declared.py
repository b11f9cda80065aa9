"""The problem and its hyperparameters, as a notebook reads them that no pipeline runs."""

import nbformat
import pytest
from nbclient import NotebookClient
from sandbox import SANDBOX

LOAD = "from mlops.notebook import load_problem, read_hyperparameters\nfrom mlops.problem import metrics"
PARAMETERS = "alpha = 0.4  # penalty; in [0, 10]\ntraining = 3  # a number\nrun_folder = ''  # folder of this run"
# Problems that differ from the declared one in one name, and what is said about the name.
OTHERS = [
    ("metrics = (metrics.r2_score('files'), *problem.metrics)", "metric 'files', but {folder}/02_train.ipynb uses"),
    ("metrics = (metrics.r2_score('promoted'), *problem.metrics)", "metric 'promoted', but {folder}/03_evaluate.ipyn"),
    ("metrics = (metrics.r2_score('schema'), *problem.metrics)", "metric 'schema', but each registered version has"),
    ("def train(self, rows, *, depth): pass", "hyperparameter 'depth', but this notebook does not set it. Add a line"),
    ("def train(self, rows, *, training): pass", "hyperparameter 'training', but {folder}/02_train.ipynb uses this"),
]


@pytest.fixture(scope="module")
def cells() -> list[nbformat.NotebookNode]:
    """The cells of a notebook that was run in a kernel, as JupyterLab does, one for each of `OTHERS`."""
    declared = [f"class Other(type(problem)):\n    {line}\nread_hyperparameters(Other())" for line, _ in OTHERS]
    sources = [LOAD, PARAMETERS, "problem = load_problem()\nread_hyperparameters(problem)", *declared]
    sources.append(f"run_folder = 'outputs/run'\n{declared[0]}")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    folder = {"metadata": {"path": str(SANDBOX / "notebooks")}}
    client = NotebookClient(notebook, timeout=60, kernel_name="python3", allow_errors=True, resources=folder)
    return client.execute().cells[2:]


def test_the_hyperparameters_have_the_values_of_the_notebook(cells: list[nbformat.NotebookNode]) -> None:
    assert cells[0].outputs[0].data["text/plain"] == "{'alpha': 0.4}"


@pytest.mark.parametrize("place", range(len(OTHERS)))
def test_one_line_says_which_name_cannot_be_used(cells: list[nbformat.NotebookNode], place: int) -> None:
    (output,) = cells[1 + place].outputs
    (line,) = output.traceback
    assert line.startswith(
        f"ProblemError: The problem 'diabetes' has the {OTHERS[place][1]}".format(folder=SANDBOX / "notebooks")
    )


def test_a_notebook_of_a_pipeline_is_checked_by_the_command(cells: list[nbformat.NotebookNode]) -> None:
    assert cells[-1].outputs[0].data["text/plain"] == "{'alpha': 0.4}"
