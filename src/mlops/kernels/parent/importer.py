"""The imports of a parent of warm kernels."""

import builtins
import ctypes
import gc
import importlib
import os
import random
import signal
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from functools import partial

from mlops.kernels.parent.application import fill_caches
from mlops.kernels.parent.rehearsals import REHEARSALS, REHEARSE
from mlops.kernels.parent.sources import Sources

# Modules that ipykernel and IPython import while a kernel starts and runs its first cells.
MACHINERY = (
    "asyncio getpass runpy sqlite3 pdb multiprocessing.util concurrent.futures.thread importlib.metadata "
    "zmq.eventloop.zmqstream tornado.ioloop tornado.platform.asyncio psutil "
    "ipykernel.kernelapp ipykernel.ipkernel ipykernel.zmqshell ipykernel.iostream ipykernel.displayhook "
    "ipykernel.heartbeat ipykernel.parentpoller ipykernel.control ipykernel.compiler ipykernel.debugger "
    "ipykernel.comm.comm jupyter_client.session jupyter_client.localinterfaces argcomplete "
    "traitlets.config.argcomplete_config IPython.core.oinspect IPython.core.logger IPython.utils.wildcard "
    "IPython.core.completer IPython.core.magics IPython.core.pylabtools IPython.core.debugger "
    "IPython.core.profileapp IPython.core.completerlib IPython.core.async_helpers IPython.extensions.storemagic"
).split()

ASKING = ("tqdm.auto", "tqdm.autonotebook")  # these modules check on import whether they run in a notebook
KERNEL_PACKAGES = {name.split(".")[0] for name in MACHINERY}


@dataclass(frozen=True)
class Imports:
    """Facts that forks need about the imports of their parent.

    Parameters
    ----------
    problem : str
        The reason why the parent cannot fork, such as a module that started a thread. Empty if it can fork.
    generators : tuple of random.Random
        The random number generators that libraries created.
    forgotten : tuple of str
        The names of the modules that a fork must import again.
    files : list of str
        The files of all imported modules.
    names : set of str
        The names of all imported modules.
    """

    problem: str
    generators: tuple[random.Random, ...]
    forgotten: tuple[str, ...]
    files: list[str]
    names: set[str]


class Importer:
    """An importer that imports modules for a parent of warm kernels, one module at a time.

    It also does the first-time work of the modules: slow work that a library does only once, at its first use.

    Parameters
    ----------
    modules : iterable of str
        The names of the modules, in the order of import. A module that cannot be imported is logged and skipped.
    own : iterable of str
        The packages of the engine and of the project, whose files may be edited while the parent runs.
    seconds : float
        The time limit for all imports together, in seconds. Later modules are skipped.
    """

    def __init__(self, modules: Iterable[str], own: Iterable[str], seconds: float) -> None:
        self._seconds = seconds
        self._pending = list(dict.fromkeys([*MACHINERY, *modules]))
        self._unrehearsed: dict[str, Callable[[], object]] = {}  # the first-time work of imported modules
        self._sources = Sources(own)
        self._problem = ""
        self._generators: list[random.Random] = []
        self._files: list[str] = []
        self._names: set[str] = set()
        self._spent = 0.0
        self._expected: set[str] = set(KERNEL_PACKAGES)
        self._record_imported(time.time())

    @property
    def pending(self) -> list[str]:
        """The top-level packages that are not completely imported yet, or whose first-time work is not done yet."""
        return _list_packages([*self._pending, *self._unrehearsed])

    @property
    def problem(self) -> str:
        """The reason why this process must not fork; empty if it can fork."""
        return self._problem

    def import_next(self, *, end_if_late: bool, rehearse: bool = True) -> None:
        """Import the next module, or do the first-time work of an imported module.

        Parameters
        ----------
        end_if_late : bool
            Whether to end this process when the time limit is exceeded. If false, only the import is interrupted.
        rehearse : bool
            Whether the first-time work of imported modules is done before the next import, not after all imports.
        """
        before, began = time.time(), time.monotonic()
        if self._unrehearsed and (rehearse or not self._pending):
            module = next(iter(self._unrehearsed))
            load = self._unrehearsed.pop(module)
        else:
            module = self._pending.pop(0)
            load = partial(self._import, module)
        # pandas checks on import whether it runs in a notebook, where it shows 20 columns of a table.
        builtins.get_ipython = lambda: types.SimpleNamespace(kernel=True, config={})  # type: ignore[attr-defined]
        _try_import(module, load, self._seconds - self._spent, end_if_late=end_if_late)
        del builtins.get_ipython  # type: ignore[attr-defined]
        _flush()
        self._check_threads(module)
        self._record_imported(before)
        self._spent += time.monotonic() - began
        if self._spent >= self._seconds and self.pending:
            log(f"left out after {self._seconds:.0f} s: {', '.join([*self._pending, *self._unrehearsed])}")
            self._pending.clear()
            self._unrehearsed.clear()
        if not self.pending:
            log(f"imported {len(sys.modules)} modules in {self._spent:.1f} s")

    def _import(self, module: str) -> None:
        loaded = importlib.import_module(module)
        if rehearse := REHEARSALS.get(module, getattr(loaded, REHEARSE, None)):
            self._unrehearsed[module] = rehearse

    def _record_imported(self, began: float) -> None:
        self._generators += [found for found in gc.get_objects() if isinstance(found, random.Random)]
        gc.freeze()  # the next search skips these objects, and garbage collection in a fork copies no shared memory
        self._sources.record(began)

    def _check_threads(self, module: str) -> None:
        if count_threads() > 1:
            _end_openblas_threads()
        if count_threads() > 1 and not self._problem:
            self._problem = (
                f"Importing {module} starts a thread, which a fork would not have. "
                f"If kernels.preload in parameters/base.yml lists {module}, remove it there."
            )

    def find_missing(self, needs: Iterable[str] | None, *, rehearsed: bool = True) -> set[str]:
        """Return the packages that are not imported yet, but are in `needs` or needed by every kernel.

        If `needs` is None, return all packages that are not imported yet. If `rehearsed` is true, a package counts as
        imported only when its first-time work is done.
        """
        pending = set(self.pending if rehearsed else _list_packages(self._pending))
        return pending if needs is None else pending & {*KERNEL_PACKAGES, *needs}

    def expect(self, packages: Iterable[str]) -> None:
        """Expect kernels to need `packages`, too. Queue the modules of expected packages before all other modules."""
        self._expected |= set(packages)
        self._pending.sort(key=lambda name: name.split(".")[0] not in self._expected)

    @property
    def is_expected(self) -> bool:
        """True if an expected package contains the next module, or a module whose first-time work is not done yet."""
        return any(package in self._expected for package in _list_packages([*self._unrehearsed, *self._pending[:1]]))

    def prefer(self, packages: Iterable[str]) -> None:
        """Queue the modules of `packages`, and of packages that every kernel needs, before all other modules."""
        self.expect(packages)
        wanted = {*KERNEL_PACKAGES, *packages}
        self._pending.sort(key=lambda name: name.split(".")[0] not in wanted)

    def describe(self) -> Imports:
        """Return the facts that a fork needs about the imports so far."""
        asking = [name for name in ASKING if name in sys.modules]
        if len(self._names) != len(sys.modules):  # done here, because a loop over all modules in a fork copies memory
            self._names = set(sys.modules)
            self._files = [file for module in sys.modules.values() if (file := getattr(module, "__file__", None))]
            importlib.invalidate_caches()
            fill_caches()
        forgotten = (*asking, *self._sources.find_stale())
        return Imports(self._problem, tuple(self._generators), forgotten, self._files, self._names)


def _list_packages(modules: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name.split(".")[0] for name in modules))


class LateError(Exception):
    """The time limit for the imports was exceeded."""


def _raise_late(signum: int, frame: object) -> None:
    raise LateError("the time limit was exceeded")


def _try_import(module: str, load: Callable[[], object], seconds: float, *, end_if_late: bool) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL if end_if_late else _raise_late)
    signal.alarm(max(1, round(seconds)))
    before = set(sys.modules)
    try:
        try:
            load()
        finally:
            signal.alarm(0)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module may raise anything, and kernels must still start
        log(f"{module} could not be imported: {error!r}")
        _forget_parts(before)


def _forget_parts(before: Set[str]) -> None:
    """Remove new submodules of packages whose import failed.

    Python removes only the package. If a kernel then imports the package again, the submodules that are still there
    would not become its attributes.
    """
    for name in sorted(set(sys.modules) - before):  # a package precedes its submodules
        package = name.rpartition(".")[0]
        if package and package not in sys.modules:
            del sys.modules[name]


def _flush() -> None:
    # otherwise, each fork would print the pending output of the imports again
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    ctypes.CDLL(None).fflush(None)


def _end_openblas_threads() -> None:
    # OpenBLAS ends its threads when their process forks, and starts new ones when it needs them. Since Python 3.12, a
    # fork of a process with threads warns.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process == 0:
        os._exit(0)
    os.waitpid(process, 0)


def count_threads() -> int:
    """Return the number of threads of this process, including those of C libraries."""
    return len(os.listdir("/proc/self/task"))


def log(text: str) -> None:
    """Write a line to the log of this process, with the time and the process id."""
    print(f"{time.strftime('%H:%M:%S')} [{os.getpid()}] {text}", file=sys.stderr, flush=True)
