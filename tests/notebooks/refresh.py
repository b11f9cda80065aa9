"""Run the notebooks in order, in a scratch MLOPS_HOME, and keep the outputs that are checked.

Kept are the outputs of cells tagged `keep_output`, and the scraps whose values are declared to be kept. A committed
output stays unchanged if the new one is within its tolerance, so a diff does not show last digits.

If a notebook hands on other scraps than its metadata declares, the difference is printed. With CONFIRM=1 in the
environment, the declarations are changed.
"""

import base64
import copy
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import nbformat
from nbclient import NotebookClient

from mlops.execution.client import make_socket_folder, talk_privately
from mlops.pipelines import list_notebooks
from mlops.regression.check import SANITIZER
from mlops.regression.declaring import compare_scraps
from mlops.regression.expectations import list_kept_scraps
from mlops.regression.keeping import find_scraps, keep_close_outputs
from mlops.regression.notebook import Notebook
from mlops.regression.pictures import reduce_picture
from mlops.regression.values import read_sanitizer

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
KEPT_METADATA = ("kernelspec", "mlops")
PNG = "image/png"


def main() -> None:
    """Refresh every committed notebook in place."""
    sanitizer = read_sanitizer(NOTEBOOKS / SANITIZER)
    with tempfile.TemporaryDirectory() as home, make_socket_folder() as sockets:
        os.environ["MLOPS_HOME"] = home
        # Fresh kernels, because `make nbval` compares warm ones with these outputs.
        os.environ["MLOPS_WARM_KERNELS"] = "0"
        mlops = Path(sys.executable).with_name("mlops")
        try:
            for path in (NOTEBOOKS / f"{name}.ipynb" for name in list_notebooks()):
                notebook = nbformat.read(path, as_version=4)
                committed = copy.deepcopy(notebook)
                resources = {"metadata": {"path": NOTEBOOKS}}
                # Over TCP, which is the default, each kernel warns that others could listen.
                config = talk_privately(sockets)
                NotebookClient(notebook, timeout=600, resources=resources, config=config).execute()
                declare_scraps(notebook, path.stem)
                keep_what_is_checked(notebook, path.stem)
                keep_close_outputs(notebook, committed, path.stem, sanitizer)
                nbformat.write(notebook, path)
                print("refreshed", path.name)
        finally:
            environ = {**os.environ, "MLOPS_OUTPUTS": home}  # otherwise, the command rewrites the index of the project
            subprocess.run([mlops, "stop"], env=environ, check=True, stdout=subprocess.DEVNULL)
    strip = [Path(sys.executable).with_name("nbstripout"), "--keep-count", "--keep-id"]
    subprocess.run([*strip, *sorted(NOTEBOOKS.glob("*.ipynb"))], check=True)


def declare_scraps(notebook: Any, name: str) -> None:
    """Print how the scraps of a notebook differ from those that it declares, and declare them if CONFIRM is 1."""
    changes = compare_scraps(notebook, name)
    if not changes:
        return
    confirmed = os.environ.get("CONFIRM") == "1"
    print(f"{name} {'now declares' if confirmed else 'should declare'} what it hands on:")
    print(*(f"  {line}" for line in changes.describe()), sep="\n")
    if confirmed:
        changes.apply(notebook.metadata)
    else:
        print("To change the declarations, run `make notebooks CONFIRM=1`.")


def keep_what_is_checked(notebook: Any, name: str) -> None:
    """Remove the outputs that differ from run to run, and reduce the pictures."""
    kept = list_kept_scraps(msgspec.convert(notebook, Notebook), name)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if find_scraps(output) <= kept]
            for data in (output.data for output in cell.outputs if PNG in output.get("data", {})):
                data[PNG] = base64.b64encode(reduce_picture(base64.b64decode(data[PNG]))).decode()
    kept_metadata = {key: notebook.metadata[key] for key in KEPT_METADATA if key in notebook.metadata}
    language = {key: value for key, value in notebook.metadata.language_info.items() if key != "version"}
    notebook.metadata = {**kept_metadata, "language_info": language}


if __name__ == "__main__":
    main()
