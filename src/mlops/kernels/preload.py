"""The imports of a parent. They must not create a thread or a zmq context, which would be broken in a fork."""

import builtins
import gc
import importlib
import io
import os
import random
import sys
import time
import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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

ASKING = ("tqdm.auto", "tqdm.autonotebook")  # modules that check on import whether they run in a notebook


@dataclass(frozen=True)
class Imports:
    """The state that imports leave behind and that a fork must know.

    Parameters
    ----------
    problem : str
        The reason why this process must not fork, namely a thread; empty if it may fork.
    generators : tuple of random.Random
        The random number generators that libraries created.
    forgotten : tuple of str
        The names of the modules that a fork imports again. They are listed in advance, because a search in the fork
        would copy shared memory.
    """

    problem: str
    generators: tuple[random.Random, ...]
    forgotten: tuple[str, ...]


def import_modules(modules: Iterable[str], own: Iterable[str]) -> Imports:
    """Import modules; a module that cannot be imported is logged and left out.

    Parameters
    ----------
    modules : iterable of str
        The names of the modules.
    own : iterable of str
        The packages that forks import again, so that edits take effect.
    """
    began, suspects, packages = time.monotonic(), [], set(own)
    # pandas checks on import whether it runs in a notebook, and if so shows 20 columns.
    builtins.get_ipython = lambda: types.SimpleNamespace(kernel=True, config={})  # type: ignore[attr-defined]
    for module in modules:
        threads = count_threads()
        _import_module(module)
        if count_threads() > threads:
            suspects.append(module)
    del builtins.get_ipython  # type: ignore[attr-defined]
    _rehearse()
    _end_pools()
    log(f"imported {len(sys.modules)} modules in {time.monotonic() - began:.1f} s, threads: {count_threads()}")
    return Imports(
        problem=_describe_threads(suspects),
        generators=tuple(found for found in gc.get_objects() if isinstance(found, random.Random)),
        forgotten=tuple(name for name in sys.modules if name in ASKING or name.split(".")[0] in packages),
    )


def _import_module(module: str) -> None:
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - a module may raise anything, and the kernels must still start
        log(f"{module} could not be imported: {error!r}")


def _rehearse() -> None:
    """Trigger slow first-time work of libraries, such as finding fonts and backends, and formatting a table."""
    if "matplotlib.backends.backend_agg" in sys.modules:
        from matplotlib.backends import backend_registry
        from matplotlib.figure import Figure

        backend_registry.list_all()
        figure = Figure(layout="constrained")
        figure.add_subplot().plot([0, 1], label="line")
        figure.axes[0].set(xlabel="x", ylabel="y", title="title")
        figure.axes[0].legend()
        figure.savefig(io.BytesIO(), format="png")
    if "sqlalchemy.orm" in sys.modules:
        from sqlalchemy.orm import configure_mappers

        configure_mappers()
    if "pandas" in sys.modules:
        import pandas

        pandas.DataFrame({"number": [0.5], "text": ["a"]}).describe(include="all").to_html()


def _end_pools() -> None:
    """End OpenBLAS's threads by forking once: its fork handler ends them, and restarts them on their next use."""
    process = os.fork()
    if process == 0:
        os._exit(0)
    os.waitpid(process, 0)


def _describe_threads(suspects: Sequence[str]) -> str:
    if count_threads() == 1:
        return ""
    return (
        f"Importing {' or '.join(suspects)} starts a thread, which a fork would not have. "
        "Remove it from kernels.preload in parameters/base.yml."
    )


def count_threads() -> int:
    """Return how many threads this process has, including those of C libraries."""
    return len(os.listdir("/proc/self/task"))


def log(text: str) -> None:
    """Write a line to the parent's log."""
    print(f"{time.strftime('%H:%M:%S')} [{os.getpid()}] {text}", file=sys.stderr, flush=True)
