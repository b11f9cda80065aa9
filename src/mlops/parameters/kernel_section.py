"""The settings of warm kernels: the section ``kernels`` of ``parameters/base.yml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mlops.errors import ParameterError, UsageError
from mlops.parameters.declarations import Parameter, Setting
from mlops.parameters.layers import check_section, read_layer
from mlops.workspace import find_workspace

SWITCH = "MLOPS_WARM_KERNELS"
DECLARED = (
    Parameter("warm", True, "fork kernels from a process that has imported the libraries"),
    Parameter("idle_minutes", 10.0, "that process ends when it had nothing to do for so long", "(0, inf)"),
    Parameter("parents", 2, "so many of these processes stay alive for one user, whatever they import", "[1, 100]"),
    Parameter("preload", ["matplotlib.pyplot", "pandas", "sklearn.linear_model"], "the modules that it imports"),
)
OWN = ("mlops", "diabetes")  # edits must be live


@dataclass(frozen=True)
class KernelSettings:
    """How kernels are started.

    Parameters
    ----------
    warm : bool
        Whether to fork them from a warm parent.
    idle_minutes : float
        The parent ends when it had nothing to do for so long.
    preload : tuple of str
        The modules that it imports, besides what every kernel needs.
    parents : int
        How many parents of one user stay alive, of all projects together; the one idle longest ends first.
    """

    warm: bool
    idle_minutes: float
    preload: tuple[str, ...]
    parents: int = 2


def find_settings(environ: Mapping[str, str], directory: str) -> KernelSettings:
    """Find the settings for a kernel that starts in a directory.

    Raises
    ------
    ParameterError
        If they are wrong.
    """
    if environ.get(SWITCH) == "0":
        return KernelSettings(warm=False, idle_minutes=0, preload=())
    try:
        path = find_workspace(environ, Path(directory)).parameters / "base.yml"
    except UsageError:
        return check_settings({})
    return _read_settings(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read_settings(path: Path, _edited: int) -> KernelSettings:
    return check_settings(read_layer(path).kernels)


def check_settings(given: Mapping[str, Setting]) -> KernelSettings:
    """Check the section ``kernels``; what it does not say keeps its default.

    Raises
    ------
    ParameterError
        For an unknown key, a wrong type, a value out of range, a module of this project.
    """
    values = check_section(DECLARED, given)
    for module in values["preload"]:
        source = given["preload"].source if "preload" in given else ""
        if not isinstance(module, str) or not all(part.isidentifier() for part in module.split(".")):
            raise ParameterError(f"{source}: {module!r} is not the name of a module. Write for example `- pandas`.")
        if module.split(".")[0] in OWN:
            raise ParameterError(
                f"{source}: {module} belongs to the project, and edits of it would not be seen. Remove it."
            )
    return KernelSettings(**(values | {"preload": tuple(values["preload"])}))
