"""Run the notebooks in order, in a scratch MLOPS_HOME, and keep the outputs of the cells that nbval checks."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def main() -> None:
    """Refresh every committed notebook in place."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["MLOPS_HOME"] = home
        mlops = Path(sys.executable).with_name("mlops")
        try:
            for path in sorted(NOTEBOOKS.glob("*.ipynb")):
                notebook = nbformat.read(path, as_version=4)
                resources = {"metadata": {"path": NOTEBOOKS}}
                NotebookClient(notebook, timeout=600, resources=resources).execute()
                notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"], "language_info": {"name": "python"}}
                nbformat.write(notebook, path)
                print("refreshed", path.name)
        finally:
            subprocess.run([mlops, "stop"], check=True, stdout=subprocess.DEVNULL)
    strip = [Path(sys.executable).with_name("nbstripout"), "--keep-count", "--keep-id"]
    subprocess.run([*strip, *sorted(NOTEBOOKS.glob("*.ipynb"))], check=True)


if __name__ == "__main__":
    main()
