"""The key of a parent: everything that its imports may depend on. Each key has its own parent."""

import hashlib
import json
import os
import site
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops.parameters.kernel_section import KernelSettings

OWNER = "MLOPS_KERNELS_OWNER"
FLAGS = ("-Xfrozen_modules=off",)  # the option with which ipykernel's kernelspec starts Python
# The prefixes of the variables that the interpreter and the libraries read when they are imported.
KEYED = tuple(
    "ARROW_ BLIS_ DEBUGPY_ FSSPEC_ GIT_PYTHON_ GLIBC_TUNABLES GOMP_ GOTO HOME IPYTHON JE_ JOBLIB_ JUPYTER_CONFIG "
    "JUPYTER_DATA JUPYTER_P KMP_ LANG LC_ LD_ LOKY_ MALLOC_ MATPLOTLIBRC MIMALLOC_ MKL_ MLFLOW_CONFIGURE "
    "MLFLOW_DISABLE MLFLOW_LOGGING MPLCONFIGDIR NPY_ NUMBA_ NUMEXPR_ NUMPY_ OMP_ OPENBLAS OTEL_ PANDAS_ POLARS_ "
    "PROTOCOL_BUFFERS PSUTIL_ PYARROW_ PYDANTIC_ PYDEVD_ PYTHON PYZMQ_ SCIPY_ SKLEARN_ SSL_ TORNADO_ TZ VECLIB_ "
    "XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME".split()
)
RESTRICTIONS = ("Cap", "NoNewPrivs", "Seccomp:")  # the beginnings of lines in /proc/<pid>/status
# Values that libraries set when they are imported, or that a forking process needs. They count as unset.
USUAL = {
    "GIT_PYTHON_REFRESH": "quiet",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # otherwise pyarrow's allocator starts a thread
    "KMP_DUPLICATE_LIB_OK": "True",
    "KMP_INIT_AT_FORK": "FALSE",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "_RJEM_MALLOC_CONF": "background_thread:false",  # otherwise polars's allocator starts a thread
}


@dataclass(frozen=True)
class Key:
    """The conditions under which a parent is started.

    Parameters
    ----------
    name : str
        The hash of everything that its imports may depend on.
    command : tuple of str
        The interpreter and its options.
    environ : mapping of str to str
        The variables that are part of the key, and ``PATH``. The parent sees no others, and therefore no secrets.
    preload : tuple of str
        The modules that it imports.
    own : tuple of str
        The packages that its forks import again once a file has changed. They are not part of the name.
    idle_seconds : float
        The idle time in seconds after which it ends.
    owner : int
        The id of a process; the parent ends when that process ends. 0 for none.
    most : int
        The maximum number of parents of this user, including this one. Surplus parents end when it starts. Not part of
        the name.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    preload: tuple[str, ...]
    own: tuple[str, ...]
    idle_seconds: float
    owner: int
    most: int


def make_key(settings: KernelSettings, environ: Mapping[str, str], directory: str, flags: Sequence[str] = FLAGS) -> Key:
    """Return the key of the parent for a kernel with this environment in this directory.

    Raises
    ------
    ValueError
        If the variable MLOPS_KERNELS_OWNER is not a process id.
    """
    keyed = USUAL | {name: value for name, value in environ.items() if name.startswith(KEYED)}
    if "PYTHONPATH" in keyed:
        paths = keyed["PYTHONPATH"].split(os.pathsep)
        keyed["PYTHONPATH"] = os.pathsep.join(os.path.join(directory, path) for path in paths)
    owner = int(environ.get(OWNER) or 0)
    idle_seconds = settings.idle_minutes * 60
    python = os.path.abspath(sys.executable)
    parts = [python, sys.version, *flags, settings.preload, idle_seconds, owner]
    parts += [sorted(keyed.items()), _sign_files(), _describe_place()]
    return Key(
        name=hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16],
        command=(python, *flags),
        environ=keyed | {"PATH": environ.get("PATH", os.defpath)},
        preload=settings.preload,
        own=settings.own,
        idle_seconds=idle_seconds,
        owner=owner,
        most=settings.parents,
    )


def _sign_files() -> list[tuple[str, int]]:
    """Return when packages were last installed, and when this package was last edited."""
    own = sorted(Path(__file__).parent.rglob("*.py"))
    folders = [folder for folder in map(Path, (*site.getsitepackages(), site.getusersitepackages())) if folder.is_dir()]
    return [(str(path), path.stat().st_mtime_ns) for path in (*folders, *own)]


def _describe_place() -> list[object]:
    """Return properties that a fork cannot inherit: groups, priority, processors, namespaces, capabilities."""
    spaces = [os.readlink(space) for space in sorted(Path("/proc/self/ns").iterdir())]
    status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    limits = [line for line in status.splitlines() if line.startswith(RESTRICTIONS)]
    priority = os.getpriority(os.PRIO_PROCESS, 0)
    return [os.getgid(), sorted(os.getgroups()), priority, sorted(os.sched_getaffinity(0)), *spaces, *limits]
