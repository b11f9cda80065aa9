"""The packages that a notebook imports, read from its text and from that of the project's own modules."""

import json
import sys
from pathlib import Path

import pytest
from sandbox import SANDBOX

from mlops.kernels.needs import LARGEST, NOTEBOOK, find_expected, find_needs


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the package churn, whose modules import each other and third-party packages."""
    package = tmp_path / "churn"
    (package / "stores" / "cloud").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "data.py").write_text("import pandas as pd, numpy\nfrom churn import model  # in a circle\n")
    (package / "model.py").write_text(
        "from sklearn.linear_model import (\n    Ridge,\n)\nfrom churn.data import read\n"
        "def train():\n    import skops.io as sio\n"
    )
    (package / "near.py").write_text("from . import data\nfrom .stores.cloud import send")
    (package / "stores" / "far.py").write_text("from ..model import train")
    (package / "stores" / "__init__.py").write_text("from importlib import import_module\nimport_module(name)")
    (package / "stores" / "cloud" / "__init__.py").write_text("import requests")
    return tmp_path


def write_notebook(folder: Path, *cells: str) -> dict[str, str]:
    """Write a notebook, and return the environment that names it."""
    path = folder / "own.ipynb"
    found = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": ["import markdown"]}, *found]}))
    return {NOTEBOOK: str(path)}


@pytest.mark.parametrize(
    ("cell", "needs"),
    [
        ("x = 1", []),
        ("import matplotlib.pyplot as plt", ["matplotlib"]),
        ("if x:\n    from scipy import stats", ["scipy"]),
        ("import churn", []),
        ("from churn import model", ["numpy", "pandas", "sklearn", "skops"]),
        ("import churn.data, json", ["json", "numpy", "pandas", "sklearn", "skops"]),
        ("from churn import stores", ["importlib", "requests"]),
        ("from churn import missing", []),
        ("from churn import near", ["numpy", "pandas", "requests", "sklearn", "skops"]),
        ("import churn.stores.far", ["numpy", "pandas", "sklearn", "skops"]),
        ("from . import something", []),
    ],
)
def test_the_packages_are_found(project: Path, cell: str, needs: list[str]) -> None:
    environ = write_notebook(project, "y = 2", cell)
    assert find_needs(environ, ["mlops", "churn"], [str(project)]) == needs


def test_a_notebook_that_loads_the_problem_needs_the_packages_of_the_project(project: Path) -> None:
    (project / "churn" / "__init__.py").write_text("def train():\n    from churn import model\n")
    own, path = ["mlops", "churn"], [str(project)]
    assert find_needs(write_notebook(project, "from mlops.notebook import handoff"), own, path) == []
    environ = write_notebook(project, "from mlops.notebook import handoff, load_problem")
    assert find_needs(environ, own, path) == ["numpy", "pandas", "sklearn", "skops"]
    assert find_expected(environ, own, path) == ["numpy", "pandas", "sklearn", "skops"]


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"cells": 3}', '{"cells": [{}]}'])
def test_a_notebook_that_cannot_be_read_has_unknown_needs(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "own.ipynb").write_text(content)
    assert find_needs({NOTEBOOK: str(tmp_path / "own.ipynb")}, ["mlops"]) is None
    assert find_needs({}, ["mlops"]) is None


def test_the_notebooks_beside_it_will_probably_run_next(project: Path) -> None:
    write_notebook(project, "import churn.data")
    (project / "own.ipynb").rename(project / "next.ipynb")
    (project / "broken.ipynb").write_text("{")
    (project / "large.ipynb").write_text(json.dumps({"cells": [{"source": ["import torch"]}], "pad": " " * LARGEST}))
    environ = write_notebook(project, "import matplotlib")
    found = ["matplotlib", "numpy", "pandas", "sklearn", "skops"]
    assert find_expected(environ, ["churn"], [str(project)]) == found
    assert find_expected({}, ["churn"], [str(project)]) == []


def test_the_notebooks_of_this_project_do_not_wait_for_the_command_line() -> None:
    notebooks = list((SANDBOX / "notebooks").glob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        needs = find_needs({NOTEBOOK: str(path)}, ["mlops", "progression"], [str(SANDBOX / "src"), *sys.path])
        assert needs is not None
        assert "pandas" in needs
        assert not {"papermill", "nbconvert"} & set(needs)
