"""The notebook that trains the model sets each hyperparameter of the problem, and nothing in vain."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlops.errors import ProblemError
from mlops.parameters.hyperparameters import require_hyperparameters
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
    """A notebook whose cells use `seed`, with a magic, and one that is not Python."""
    cells = [
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": ["alpha = 1\n", "lost = 2\n"]},
        {
            "cell_type": "code",
            "metadata": {},
            "source": ["%time\n", "rows = (load(seed)\n", "  % share)\n", "!echo $where\n"],
        },
        {"cell_type": "code", "metadata": {}, "source": ["this is not Python, but names folder"]},
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
