"""Where things are: the project's folders, and MLOPS_HOME for the state that must survive."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import UsageError


@dataclass(frozen=True)
class Workspace:
    """The folders that one command works on.

    Parameters
    ----------
    project : Path
        Holds ``notebooks/`` and ``parameters/``.
    home : Path
        State that must survive: registry, images, services, keys.
    outputs : Path
        What people read: one folder a run, and ``index.html`` over all of them.
    """

    project: Path
    home: Path
    outputs: Path

    @property
    def notebooks(self) -> Path:
        """The folder of the notebooks."""
        return self.project / "notebooks"

    @property
    def parameters(self) -> Path:
        """The folder of the layered parameters."""
        return self.project / "parameters"


def find_workspace(environ: Mapping[str, str] | None = None, start: Path | None = None) -> Workspace:
    """Find the project that the caller stands in.

    Parameters
    ----------
    environ : mapping, optional
        The environment. ``MLOPS_HOME`` (default ``<project>/.mlops``) and ``MLOPS_OUTPUTS``
        (default ``<project>/outputs``) move the two folders that are written to.
    start : Path, optional
        Where to begin; the current folder by default. The project is the nearest folder above
        that has ``parameters/base.yml``, else the checkout that this package was installed from.

    Raises
    ------
    UsageError
        If there is no project above `start` and the package was not installed from a checkout.
    """
    environ = os.environ if environ is None else environ
    start = (start or Path.cwd()).resolve()
    checkout = Path(__file__).resolve().parents[2]
    for folder in (start, *start.parents, checkout):
        if (folder / "parameters" / "base.yml").is_file():
            break
    else:
        raise UsageError(f"no project at {start}: go to the folder that holds parameters/base.yml and try again")
    return Workspace(
        project=folder,
        home=Path(environ.get("MLOPS_HOME") or folder / ".mlops").resolve(),
        outputs=Path(environ.get("MLOPS_OUTPUTS") or folder / "outputs").resolve(),
    )
