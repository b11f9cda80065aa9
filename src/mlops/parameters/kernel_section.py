"""The settings of warm kernels: the section ``kernels`` of ``parameters/base.yml``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mlops.errors import ParameterError, UsageError
from mlops.parameters.declarations import Parameter, Setting
from mlops.parameters.layers import check_section, read_layer
from mlops.workspace import find_workspace

SWITCH = "MLOPS_WARM_KERNELS"
DECLARED = (
    Parameter("warm", True, "whether to fork kernels from a warm parent, a process that has imported the libraries"),
    Parameter("idle_minutes", 10.0, "minutes without use after which a warm parent ends", "(0, inf)"),
    Parameter("parents", 2, "the maximum number of warm parents per user", "[1, 100]"),
    Parameter(
        "preload", ["matplotlib.pyplot", "pandas", "sklearn.linear_model"], "the modules that a warm parent imports"
    ),
)
ENGINE = "mlops"


@dataclass(frozen=True)
class KernelSettings:
    """The settings for starting kernels.

    Parameters
    ----------
    warm : bool
        Whether to fork kernels from a warm parent, a process that has already imported the libraries.
    idle_minutes : float
        How long a parent can be unused before it ends, in minutes.
    preload : tuple of str
        The modules that the parent imports in addition to those that every kernel needs.
    parents : int
        The maximum number of warm parents of one user, for all projects together.
    own : tuple of str
        The package `mlops` and the project's own packages, which a parent never imports.
    """

    warm: bool
    idle_minutes: float
    preload: tuple[str, ...]
    parents: int = 2
    own: tuple[str, ...] = (ENGINE,)


def find_settings(environ: Mapping[str, str], directory: str) -> KernelSettings:
    """Return the settings for a kernel that starts with these environment variables in this working directory.

    Raises
    ------
    ParameterError
        If a setting is invalid.
    """
    if environ.get(SWITCH) == "0":
        return KernelSettings(warm=False, idle_minutes=0, preload=())
    try:
        workspace = find_workspace(environ, Path(directory))
    except UsageError:
        return check_settings({})
    path = workspace.parameters / "base.yml"
    return _read_settings(path, path.stat().st_mtime_ns, workspace.packages)


@lru_cache(maxsize=8)
def _read_settings(path: Path, _edited: int, packages: tuple[str, ...]) -> KernelSettings:
    return check_settings(read_layer(path).kernels, packages)


def check_settings(given: Mapping[str, Setting], packages: Iterable[str] = ()) -> KernelSettings:
    """Check the section ``kernels`` of ``parameters/base.yml``, and return its settings. Missing keys have defaults.

    Parameters
    ----------
    given : mapping
        The section.
    packages : iterable of str
        The project's own packages.

    Raises
    ------
    ParameterError
        If a key is unknown, if a value has a wrong type or is out of range, or if `preload` has a module of one of the
        `packages`.
    """
    values, own = check_section(DECLARED, given), tuple(dict.fromkeys((ENGINE, *packages)))
    for module in values["preload"]:
        source = given["preload"].source if "preload" in given else ""
        if not isinstance(module, str) or not all(part.isidentifier() for part in module.split(".")):
            raise ParameterError(f"{source}: {module!r} is not the name of a module. For example, write `- pandas`.")
        if module.split(".")[0] in own[1:]:
            raise ParameterError(
                f"{source}: {module} belongs to the project, whose code must run in the kernel itself. Remove it."
            )
    return KernelSettings(**(values | {"preload": tuple(values["preload"]), "own": own}))
