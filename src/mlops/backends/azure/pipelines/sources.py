"""The source files that are sent to the machines of a run."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mlops.errors import UsageError

SCRIPT = "src/run_step.py"
SENT = ("notebooks", "parameters", "src", "environment.yml", "pyproject.toml", "requirements.lock")
LEFT_OUT = ("__pycache__", ".ipynb_checkpoints", "*.egg-info", ".*")


@contextmanager
def stage_sources(project: Path) -> Iterator[Path]:
    """Copy the project's sources to a temporary folder, and yield it. The folder is deleted after the ``with`` block.

    Raises
    ------
    UsageError
        If ``src/run_step.py``, the script that starts every step, is missing.
    """
    if not (project / SCRIPT).is_file():
        raise UsageError(
            f"{project / SCRIPT} is missing, but Azure starts every step with it. Check out the project again."
        )
    # The SDK sends everything in the folder that it gets, and the project's folder also contains data files and keys.
    with TemporaryDirectory() as scratch:
        folder = Path(scratch, project.name)
        folder.mkdir()
        for name in SENT:
            if (project / name).is_dir():
                shutil.copytree(project / name, folder / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
            else:
                shutil.copyfile(project / name, folder / name)
        yield folder
