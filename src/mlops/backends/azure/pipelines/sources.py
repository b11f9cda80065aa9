"""The sources that a run's machine gets: the folders and files named here, and nothing else of the project."""

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
    """Copy what is sent to a folder that is there for the time of the block.

    A copy, because what is left out is then left out for sure: the SDK would take all that no ``.amlignore`` names,
    such as a data file or a key that somebody has put into the project's folder.

    Raises
    ------
    UsageError
        If the script that runs start with is missing; the SDK itself would publish the pipeline all the same.
    """
    if not (project / SCRIPT).is_file():
        raise UsageError(
            f"{project / SCRIPT} is missing, and Azure starts every step with it. Check out the project again."
        )
    with TemporaryDirectory() as scratch:
        folder = Path(scratch, project.name)
        folder.mkdir()
        for name in SENT:
            if (project / name).is_dir():
                shutil.copytree(project / name, folder / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
            else:
                shutil.copyfile(project / name, folder / name)
        yield folder
