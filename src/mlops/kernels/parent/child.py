"""The code that a forked kernel or command runs first, so that it behaves like a process started from scratch."""

import atexit
import ctypes
import gc
import importlib
import multiprocessing.process
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable, Sequence
from typing import Any

from mlops.kernels.parent.application import prepare_application
from mlops.kernels.parent.importer import Imports
from mlops.kernels.request import ALWAYS_IGNORED, KERNEL, Request

SET_DEATH_SIGNAL, SET_NAME = 1, 15  # options of prctl(2)
CLOSE_SECONDS = 2.0
INLINE = "module://matplotlib_inline.backend_inline"


def run(request: Request, files: Sequence[int], parent: int, imports: Imports) -> int:
    """Run a kernel or command in this forked process, and return its exit code.

    Parameters
    ----------
    request : Request
        The kernel or command to run.
    files : sequence of int
        Standard input, output and error. For a kernel, also the pipe on which the kernel reports that it is ready.
    parent : int
        The id of the process that forked this one.
    imports : Imports
        Facts about the imports of the parent.

    Returns
    -------
    int
        The exit code.
    """
    _become_process(files, parent, f"warm-{request.kind}")
    _apply_client_settings(request)
    _renew_shared_state(imports)
    _forget_modules(imports)
    if request.kind == KERNEL:
        _configure_matplotlib(request.environ.get("MPLBACKEND") or INLINE)
        return _run_for_exit_code(lambda: _run_kernel(request, files[3], parent, imports))
    _configure_for_terminal(request)
    return _run_for_exit_code(lambda: _run_command(request))


def _become_process(files: Sequence[int], parent: int, name: str) -> None:
    os.setsid()
    libc = ctypes.CDLL(None)
    libc.prctl(SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    libc.prctl(SET_NAME, name.encode())
    for standard, file in enumerate(files[:3]):
        os.dup2(file, standard)
        os.close(file)


def _apply_client_settings(request: Request) -> None:
    for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        ignored = signum in ALWAYS_IGNORED or signum in request.ignored
        signal.signal(signum, signal.SIG_IGN if ignored else signal.SIG_DFL)
    if signal.SIGINT not in request.ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for name, (soft, hard) in request.limits.items():
        resource.setrlimit(getattr(resource, name), (soft, hard))
    os.umask(request.umask)
    os.chdir(request.directory)
    os.environ.clear()
    os.environ.update(request.environ)
    time.tzset()
    sys.stdin = open(0, encoding=sys.stdin.encoding, errors=sys.stdin.errors, closefd=False)  # noqa: SIM115
    sys.__stdin__ = sys.stdin  # type: ignore[misc]
    sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]


def _renew_shared_state(imports: Imports) -> None:
    for generator in imports.generators:
        generator.seed()
    if numpy := sys.modules.get("numpy.random"):
        numpy.seed()
    tempfile.tempdir = None
    atexit.unregister(shutil.rmtree)  # the parent deletes its own folders, such as matplotlib's without a writable HOME
    multiprocessing.process.ORIGINAL_DIR = os.getcwd()  # type: ignore[attr-defined]
    multiprocessing.process.current_process().authkey = os.urandom(32)
    gc.enable()


def _forget_modules(imports: Imports) -> None:
    for name in imports.forgotten:
        del sys.modules[name]
    sys.modules["__main__"] = types.ModuleType("__main__")


def _configure_for_terminal(request: Request) -> None:
    _configure_matplotlib(request.environ.get("MPLBACKEND", ""))
    if pandas := sys.modules.get("pandas"):
        pandas.set_option("display.max_columns", 0)


def _configure_matplotlib(backend: str) -> None:
    if matplotlib := sys.modules.get("matplotlib"):
        if os.path.isfile("matplotlibrc"):
            matplotlib.rc_file("matplotlibrc")
        if backend:
            matplotlib.rcParams["backend"] = backend


def _run_kernel(request: Request, ready: int, parent: int, imports: Imports) -> None:
    application = prepare_application()
    imports.names.difference_update(imports.forgotten)
    application.ready, application.modules = ready, len(sys.modules)
    application.module_files, application.module_names = imports.files, imports.names
    sys.executable, sys.orig_argv = request.argv[0], list(request.argv)
    sys.argv = [str(application.launcher), *request.argv[request.argv.index("ipykernel_launcher") + 1 :]]
    application.launch_instance(parent_handle=parent)
    # The exit handlers close the IOPub channel. If the control thread writes to the channel at that time, both wait
    # forever. So end that thread first. The deadlock is more likely if the kernel ends soon after its start.
    if control := application.instance().control_thread:
        control.stop()
        control.join(CLOSE_SECONDS)


def _run_command(request: Request) -> None:
    module, _, function = request.entry.partition(":")
    sys.argv = list(request.argv)
    sys.exit(getattr(importlib.import_module(module), function)())


def _run_for_exit_code(main: Callable[[], Any]) -> int:
    # Objects are not freed, because this would copy the memory that is shared with the parent.
    code = 0
    try:
        main()
    except SystemExit as leaving:
        code = _read_code(leaving.code)
    except KeyboardInterrupt:
        sys.excepthook(*sys.exc_info())
        code = -signal.SIGINT
    except BaseException:  # noqa: BLE001 - the process ends here, so any error is printed
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code & 0xFF


def _read_code(code: object) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1
