"""The project that the tests of sweeps work on."""

from pathlib import Path

import nbformat
import pytest
from sweeps.fakes import PARAMETERS, STEPS, WORK

from mlops.workspace import Workspace


@pytest.fixture
def small(tmp_path: Path) -> Workspace:
    """A project whose second notebook is best at x = 3, and fails at x = 5."""
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters" / "base.yml").write_text("platform: local\n")
    (tmp_path / "notebooks").mkdir()
    for step in STEPS:
        declared = "\n".join([PARAMETERS.get(step.notebook, ""), 'run_folder = ""  # folder of the run'])
        cells = ["from mlops.notebook.handoff import *", declared, WORK.get(step.notebook, "")]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.cells[1].metadata["tags"] = ["parameters"]
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "python3", "language": "python"}
        nbformat.write(notebook, tmp_path / "notebooks" / f"{step.notebook}.ipynb")
    return Workspace(tmp_path, tmp_path / "home", tmp_path / "outputs")
