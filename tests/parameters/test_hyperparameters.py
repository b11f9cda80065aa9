"""The notebook that trains the model sets each hyperparameter of the problem, and nothing in vain."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mlops.errors import ProblemError
from mlops.model.promotion import tag_override
from mlops.model.schema import tag_problem
from mlops.parameters.hyperparameters import require_distinct, require_hyperparameters
from mlops.pipelines import ALL_STEPS, find_gate
from mlops.pipelines.tags import VERSION_TAGS
from mlops.problem import Column, Problem, metrics


class Tiny(Problem):
    """Two hyperparameters, one of which has a default."""

    name = "tiny"
    columns = (Column("x"), Column("y", role="target"))
    metrics = (metrics.mean_squared_error(),)

    def train(self, rows: Any, *, alpha: float, depth: int = 3) -> Any:
        """Do nothing."""


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook whose cells use `seed`, with a magic, and two that are not Python."""
    cells = [
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": ["alpha = 1\n", "lost = 2\n"]},
        {
            "cell_type": "code",
            "metadata": {},
            "source": ["%time\n", "rows = (load(seed)\n", "  % share)\n", "!echo $where\n"],
        },
        {"cell_type": "code", "metadata": {}, "source": ["this is not Python, but names folder"]},
        {"cell_type": "code", "metadata": {}, "source": ["def load(rows, rows): ..."]},
        {"cell_type": "markdown", "metadata": {}, "source": ["lost"]},
    ]
    path = tmp_path / "fit.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    return path


def test_hyperparameters_and_names_in_cells_are_used(notebook: Path) -> None:
    require_hyperparameters(Tiny(), notebook, ["alpha", "depth", "seed", "folder", "share", "where"])


def test_a_hyperparameter_without_a_line_is_named(notebook: Path) -> None:
    with pytest.raises(ProblemError) as raised:
        require_hyperparameters(Tiny(), notebook, ["alpha", "seed"])
    assert str(raised.value) == (
        f"The problem 'tiny' has the hyperparameter 'depth', but {notebook} does not set it. Add a line for it to the "
        "cell tagged `parameters`."
    )


@pytest.mark.parametrize(
    ("name", "fix"), [("lost", "Remove its line from the cell tagged `parameters`."), ("dept", "Did you mean 'depth'?")]
)
def test_a_line_that_nothing_uses_is_named(notebook: Path, name: str, fix: str) -> None:
    with pytest.raises(ProblemError) as raised:
        require_hyperparameters(Tiny(), notebook, ["alpha", "depth", name])
    assert str(raised.value) == (
        f"{notebook} sets {name!r}, but neither a cell nor the training of 'tiny' uses it. {fix}"
    )


def declare(*names: str, hyperparameter: str = "alpha") -> Problem:
    """Return a problem with metrics of these names and one hyperparameter."""
    source = f"def train(self, rows, *, {hyperparameter}): pass"
    scope: dict[str, Any] = {}
    exec(source, scope)  # a function whose parameter has any name
    declared = tuple(metrics.mean_squared_error(name) for name in names)
    return type("Named", (Tiny,), {"metrics": declared, "train": scope["train"]})()


@pytest.mark.parametrize("name", ["training_run", "files", "training_rows", "problem", "git_commit", "cv_mse", "seed"])
def test_a_metric_named_like_a_result_of_the_training_is_refused(project: Path, name: str) -> None:
    notebook = project / "notebooks" / "02_train.ipynb"
    require_distinct(declare("mse"), notebook, ["alpha", "seed"], "cv_")
    with pytest.raises(ProblemError) as raised:
        require_distinct(declare("mse", name), notebook, ["alpha", "seed"], "cv_")
    assert str(raised.value) == (
        f"The problem 'tiny' has the metric {name!r}, but {notebook} uses this name for something else. Rename "
        "the metric."
    )


@pytest.mark.parametrize("name", ["promoted", "reason", "override", "improvement", "lower_bound", "champion_version"])
def test_a_metric_named_like_a_result_of_the_evaluation_is_refused(project: Path, name: str) -> None:
    notebook = project / "notebooks" / "03_evaluate.ipynb"
    gains = find_gate(ALL_STEPS).decides.gains
    require_distinct(declare("rows", "mse"), notebook, [], "", gains)
    with pytest.raises(
        ProblemError, match=f"has the metric '{name}', but .*03_evaluate.ipynb uses this name for something else"
    ):
        require_distinct(declare("mse", name), notebook, [], "", gains)


@pytest.mark.parametrize("name", ["git_commit", "cv_mse", "files", "training", "folder", "Path"])
def test_a_hyperparameter_that_the_notebook_overwrites_is_refused(project: Path, name: str) -> None:
    """Results, imports and variables; a name that only a comprehension binds does no harm, and `seed` is meant."""
    notebook = project / "notebooks" / "02_train.ipynb"
    for free in ("alpha", "seed", "value", "name", "depth"):
        require_distinct(declare("mse", hyperparameter=free), notebook, [free, "seed"], "cv_")
    with pytest.raises(ProblemError, match=f"has the hyperparameter '{name}', but .* Rename the hyperparameter"):
        require_distinct(declare("mse", hyperparameter=name), notebook, [name], "cv_")


def test_a_cell_that_is_not_python_sets_no_variables(notebook: Path) -> None:
    require_distinct(declare("mse"), notebook, ["alpha"], "cv_")


@pytest.mark.parametrize("name", sorted(VERSION_TAGS))
def test_a_name_that_a_registered_version_uses_as_a_tag_is_refused(project: Path, name: str) -> None:
    notebook = project / "notebooks" / "03_evaluate.ipynb"
    for problem, what in ((declare(name), "metric"), (declare("mse", hyperparameter=name), "hyperparameter")):
        with pytest.raises(ProblemError) as raised:
            require_distinct(problem, notebook, ["x"], "")
        assert str(raised.value).startswith(f"The problem 'tiny' has the {what} {name!r}, but ")
        assert str(raised.value).endswith(f" Rename the {what}.")


def test_the_message_about_a_tag_says_where_it_is(project: Path) -> None:
    notebook = project / "notebooks" / "02_train.ipynb"
    with pytest.raises(ProblemError) as raised:
        require_distinct(declare("mse", hyperparameter="schema"), notebook, ["x"], "")
    assert str(raised.value) == (
        "The problem 'tiny' has the hyperparameter 'schema', but each registered version has a tag with this name. "
        "Rename the hyperparameter."
    )


def test_the_tags_of_a_version_are_reserved(project: Path) -> None:
    cells = json.loads((project / "notebooks" / "04_register.ipynb").read_text(encoding="utf-8"))["cells"]
    code = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    written = {*re.findall(r'"(\w+)":', code), *tag_override("urgent", "ada"), *tag_problem(Tiny())}
    assert written | {"reason", "champion", "files"} == VERSION_TAGS


def test_a_metric_named_like_a_hyperparameter_is_refused() -> None:
    with pytest.raises(ProblemError) as raised:
        declare("alpha")
    assert str(raised.value) == (
        "The problem 'tiny' has a metric and a hyperparameter with the name 'alpha'. Rename one of them."
    )
