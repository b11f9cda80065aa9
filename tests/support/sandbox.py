"""The project of most tests: a copy of the checkout with the problem `progression` instead of its own.

Each worker of pytest makes one copy, so that its tests share the parents of warm kernels. Processes that the tests
start find the packages of the copy first.
"""

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from command_line import CommandLine
from other_project import copy_project, write_notebook

_FOLDER = Path(os.environ["XDG_RUNTIME_DIR"])  # conftest.py creates this folder, and deletes it at the end
_PACKAGES = str(_FOLDER / "project" / "src")
os.environ["PYTHONPATH"] = _PACKAGES
sys.path.insert(0, _PACKAGES)
SANDBOX = copy_project(_FOLDER, "progression").workspace.project


def commit_outputs(mlops: CommandLine, run_id: str, folder: Path) -> CommandLine:
    """Copy the sandbox to `folder/project`, with the outputs of a run in place of the committed outputs.

    Parameters
    ----------
    mlops : CommandLine
        The command line with the run.
    run_id : str
        The id of the run. If a notebook ran in two environments, the outputs are those of qa.
    folder : Path
        The folder of the copy.

    Returns
    -------
    CommandLine
        A command line for the copy, with the same state.
    """
    copy, run = Path(shutil.copytree(SANDBOX, folder / "project", symlinks=True)), mlops.workspace.outputs / run_id
    for path in (copy / "notebooks").glob("*.ipynb"):
        executed = max(run.glob(f"{path.stem}*.ipynb"), default=None)
        if executed:
            committed = json.loads(path.read_text(encoding="utf-8"))
            cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
            outputs = {cell["id"]: cell["outputs"] for cell in cells if "outputs" in cell}
            for cell in (cell for cell in committed["cells"] if cell["id"] in outputs):
                cell["outputs"] = outputs[cell["id"]]
            write_notebook(path, committed)
    return replace(mlops, workspace=replace(mlops.workspace, project=copy))
