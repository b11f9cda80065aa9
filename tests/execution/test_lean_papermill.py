"""papermill without its cloud storage, in a process of its own, because this one may have imported papermill before."""

import subprocess
import sys
from pathlib import Path


def run_python(code: str) -> str:
    """Return what code prints after `lean_papermill` was imported."""
    whole = f"import sys\nfrom mlops.execution import lean_papermill\n{code}"
    return subprocess.run([sys.executable, "-c", whole], check=True, capture_output=True, text=True).stdout


def test_the_modules_are_hidden_only_while_papermill_is_imported() -> None:
    said = run_python(
        "hidden = [name for name in lean_papermill.UNUSED if name in sys.modules]\n"
        "import papermill.iorw, pyarrow.fs\n"
        "print(hidden, papermill.iorw.LocalHandler.__name__, pyarrow.fs.LocalFileSystem.__name__)"
    )
    assert said == "[] LocalHandler LocalFileSystem\n"


def test_notebooks_on_disk_are_read_and_other_places_get_the_sentence_of_papermill(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    said = run_python(
        "from papermill.exceptions import PapermillOptionalDependencyException\n"
        "from papermill.iorw import papermill_io\n"
        f"papermill_io.write('text', {str(path)!r})\n"
        f"print(papermill_io.read({str(path)!r}))\n"
        "try: papermill_io.read('abs://account/x.ipynb')\n"
        "except PapermillOptionalDependencyException as error: print(error)"
    )
    sentence = (
        "The azure.storage.blob optional dependency is missing. Please run pip install papermill[azure] to install"
    )
    assert said.splitlines()[:2] == ["text", f"{sentence} this dependency"]
