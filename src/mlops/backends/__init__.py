"""The platforms: modules that store trainings, models, images, data and services. `open_backend` opens one of them.

.. code-block:: text

    local   runs on one machine, and needs only Python
    azure   runs on Azure Machine Learning
    memory  runs in one process, for tests

    collecting  the settings with which local and azure collect requests
    redacted    wrappers around a tracker and a registry: they redact secrets before anything is recorded
"""

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import replace

from mlops.backends.redacted import RedactedRegistry, RedactedTracker
from mlops.errors import UsageError
from mlops.parameters.layers import BASE, read_layer
from mlops.parameters.suggestion import suggest
from mlops.pipelines.advice import name_platform_option
from mlops.platform.backend import Backend, Caller
from mlops.workspace import Workspace, check_home, find_workspace

FOR_TESTS = ("memory",)  # --platform does not offer these: their state is lost when the process ends


def list_platforms() -> list[str]:
    """Return the names of the platforms that ``--platform`` accepts."""
    return sorted(
        module.name for module in pkgutil.iter_modules(__path__) if module.ispkg and module.name not in FOR_TESTS
    )


def require_platform(platform: str) -> str:
    """Return `platform`, after checking that it is the name of a platform.

    Raises
    ------
    UsageError
        If this installation has no such platform.
    """
    if platform not in list_platforms():
        raise UsageError(f"There is no platform {platform!r}{suggest(platform, list_platforms(), 'Choose one of')}")
    return platform


def open_backend(platform: str, workspace: Workspace | None = None, command: Sequence[str] = ()) -> Backend:
    """Open a platform, and return it as a `Backend`.

    Parameters
    ----------
    platform : str
        The name of the platform, such as "local".
    workspace : Workspace, optional
        The project and its MLOPS_HOME; by default those of the current folder.
    command : sequence of str
        The command that starts this program in a new process, as a list of arguments.

    Raises
    ------
    UsageError
        If this installation has no such platform.
    FormatError
        If a newer version of the engine wrote to MLOPS_HOME.
    """
    workspace = workspace or find_workspace()
    check_home(workspace.home)
    module = importlib.import_module(f"{__name__}.{require_platform(platform)}")
    base = workspace.parameters / f"{BASE}.yml"
    options = name_platform_option(platform, read_layer(base).platform) if base.is_file() else ""
    backend: Backend = module.open_backend(Caller(workspace, tuple(command), options))
    return replace(
        backend,
        tracker=RedactedTracker(backend.tracker, backend.secrets),
        registry=RedactedRegistry(backend.registry, backend.secrets),
        command_options=options,
    )
