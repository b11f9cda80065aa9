"""The key of a parent of warm kernels: a hash of everything that the parent's imports may depend on."""

import hashlib
import json
import os
import resource
import site
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import ParameterError
from mlops.kernels.request import LIMITS
from mlops.parameters.kernel_section import KernelSettings

OWNER = "MLOPS_KERNELS_OWNER"
FLAGS = ("-Xfrozen_modules=off",)  # the options with which ipykernel's kernelspec starts Python
# The prefixes of the variables that the interpreter and the libraries read when they are imported.
KEYED = tuple(
    "ARROW_ BLIS_ DEBUGPY_ FSSPEC_ GIT_PYTHON_ GLIBC_TUNABLES GOMP_ GOTO HOME IPYTHON JE_ JOBLIB_ JUPYTER_CONFIG "
    "JUPYTER_DATA JUPYTER_P KMP_ LANG LC_ LD_ LOKY_ MALLOC_ MATPLOTLIBRC MIMALLOC_ MKL_ MLFLOW_CONFIGURE "
    "MLFLOW_DISABLE MLFLOW_LOGGING MPLCONFIGDIR NPY_ NUMBA_ NUMEXPR_ NUMPY_ OMP_ OPENBLAS OTEL_ PANDAS_ POLARS_ "
    "PROTOCOL_BUFFERS PSUTIL_ PYARROW_ PYDANTIC_ PYDEVD_ PYTHON PYZMQ_ SCIPY_ SKLEARN_ SSL_ TORNADO_ TZ VECLIB_ "
    "XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME".split()
)
RESTRICTIONS = ("Cap", "NoNewPrivs", "Seccomp:")  # the beginnings of lines in /proc/<pid>/status
# Values that libraries set on import, or that a forking process needs. A variable with such a value counts as unset.
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
    """The key of a parent of warm kernels, and the settings for starting this parent.

    There is at most one parent with each key. A kernel and the parent that forks it always have the same key.

    Parameters
    ----------
    name : str
        A hash of everything that the parent's imports may depend on. It also covers what a fork inherits from the
        parent and cannot change, such as groups, priority and processors.
    command : tuple of str
        The interpreter and its options.
    environ : mapping of str to str
        The environment variables of the parent: those that its imports may read, and PATH.
    preload : tuple of str
        The modules that the parent imports.
    own : tuple of str
        The packages of the engine and of the project, whose files may be edited while the parent runs.
    idle_seconds : float
        The idle time, in seconds, after which the parent ends.
    owner : int
        The id of a process: when it ends, the parent must end, too. 0 if there is no such process.
    most : int
        The maximum number of parents of this user, including this parent.
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
    """Return the key of the parent that can fork a kernel with this environment and working directory.

    Raises
    ------
    ParameterError
        If the variable MLOPS_KERNELS_OWNER is not a process id.
    """
    keyed = USUAL | {name: value for name, value in environ.items() if name.startswith(KEYED)}
    if "PYTHONPATH" in keyed:
        paths = keyed["PYTHONPATH"].split(os.pathsep)
        keyed["PYTHONPATH"] = os.pathsep.join(os.path.join(directory, path) for path in paths)
    owner = _read_owner(environ)
    idle_seconds = settings.idle_minutes * 60
    python = os.path.abspath(sys.executable)
    parts = [python, sys.version, *flags, settings.preload, idle_seconds, owner]
    parts += [sorted(keyed.items()), _list_edit_times(), _describe_process_limits()]
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


def _read_owner(environ: Mapping[str, str]) -> int:
    owner = environ.get(OWNER) or "0"
    if not (owner.isascii() and owner.isdigit()):
        raise ParameterError(f"{OWNER} is {owner!r}, but it must be the id of a process. Set or unset the variable.")
    return int(owner)


def _list_edit_times() -> list[tuple[str, int]]:
    own = sorted(Path(__file__).resolve().parent.rglob("*.py"))
    folders = [folder for folder in map(Path, (*site.getsitepackages(), site.getusersitepackages())) if folder.is_dir()]
    return [(str(path), path.stat().st_mtime_ns) for path in (*folders, *own)]


def _describe_process_limits() -> list[object]:
    # A fork inherits these limits from its parent and cannot change them.
    spaces = [os.readlink(space) for space in sorted(Path("/proc/self/ns").iterdir())]
    status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    limits = [line for line in status.splitlines() if line.startswith(RESTRICTIONS)]
    priority = os.getpriority(os.PRIO_PROCESS, 0)
    hard = [resource.getrlimit(getattr(resource, name))[1] for name in LIMITS]
    return [os.getgid(), sorted(os.getgroups()), priority, sorted(os.sched_getaffinity(0)), hard, *spaces, *limits]
