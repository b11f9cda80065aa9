"""The start of a worker, as a fork of the supervisor or as a new program."""

# A fork shares the memory of the loaded model and starts in a millisecond. It is safe only if loading the model left
# neither threads, which a fork does not copy, nor open files and connections, which the workers would share. Otherwise,
# each worker is a new program that loads the model itself.

import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..connections.board import Board, rebuild_board
from ..failures import StartFailed
from ..log import WORKER_NUMBER

MODE = "SERVING_MODE"  # how this program was started; see `read_mode`
WORKER, FAILING = "worker", "failing"  # a worker that loads the model; a worker that says that the service is failing
APART = "apart"  # a supervisor whose workers load the model
METRICS = "metrics"  # the folder beside the file that `--ready` names
JEMALLOC = "jemalloc_bg_thd"  # a thread of pyarrow's allocator, which starts again in a fork


@dataclass(frozen=True)
class Channels:
    """The socket, the pipes and the files that a worker gets from its supervisor.

    Parameters
    ----------
    listener : socket
        The socket that listens for connections.
    lifeline : int
        The readable end of a pipe. The other end is closed when the supervisor ends.
    reports : int
        The writable end of a pipe, into which a worker writes its process id as soon as it answers requests.
    configuration : int
        The descriptor of a file with the keys and settings of the service; see `Configuration`.
    board : Board
        What the workers share to distribute connections.
    """

    listener: socket.socket
    lifeline: int
    reports: int
    configuration: int
    board: Board

    def report_ready(self) -> None:
        """Tell the supervisor that this process answers requests."""
        os.write(self.reports, b"%d\n" % os.getpid())

    def encode(self) -> str:
        """Return the descriptors as text for a new program, which inherits them."""
        own = (self.listener.fileno(), self.lifeline, self.reports, self.configuration)
        inherited = (*own, *self.board.list_descriptors())
        for descriptor in inherited:
            os.set_inheritable(descriptor, True)
        return ",".join(map(str, inherited))


def decode_channels(text: str) -> Channels:
    """Return the channels that a supervisor encoded."""
    descriptors = [*map(int, text.split(","))]
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # a process that the script starts must not keep the socket open
    listener, lifeline, reports, configuration, *board = descriptors
    return Channels(socket.socket(fileno=listener), lifeline, reports, configuration, rebuild_board(board))


def describe_process() -> tuple[int, set[str]]:
    """Return the number of threads of this process, and the names of its open files and connections."""
    folder = Path("/proc/self/fd")
    targets = set()
    for descriptor in os.listdir(folder) if folder.is_dir() else ():
        try:
            targets.add(os.readlink(folder / descriptor))
        except OSError:  # the descriptor of the listing itself
            continue
    tasks = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    return len([name for name in tasks if name != JEMALLOC]), targets


def can_fork(before: tuple[int, set[str]]) -> bool:
    """Return whether this process can be forked safely, now that the model is loaded.

    Parameters
    ----------
    before : tuple of int, set of str
        The result of `describe_process` before the model was loaded.
    """
    threads, targets = describe_process()
    return threads == 1 and targets <= before[1]


def restart_apart() -> None:
    """Replace this process with one that does not load the model, but lets its workers load it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, _repeat_command(), {**os.environ, MODE: APART})


def start_program(number: int, channels: Channels, *, failing: bool) -> int:
    """Start a worker as a new program, and return its process id."""
    mode = f"{FAILING if failing else WORKER}:{channels.encode()}"
    return os.posix_spawn(sys.executable, _repeat_command(), {**os.environ, MODE: mode, WORKER_NUMBER: str(number)})


def start_fork(number: int, work: Callable[[], None]) -> int:
    """Fork this process, and return the process id of the fork.

    Parameters
    ----------
    number : int
        The number of the worker.
    work : callable
        A function that does the work of the fork. The fork ends when this function returns.
    """
    gc.freeze()  # so that the garbage collector does not write to the shared memory
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for caught in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(caught, signal.SIG_DFL)
        os.environ[WORKER_NUMBER] = str(number)
        work()
        code = 0
    except StartFailed as failed:
        logging.error("%s", failed)
    except BaseException:  # noqa: BLE001 - a fork must not continue as a second supervisor
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _repeat_command() -> list[str]:
    return [sys.executable, *sys.orig_argv[1:]]


def read_mode() -> tuple[str, str]:
    """Return the mode of this program (`APART`, `WORKER`, `FAILING` or "") and, for a worker, its encoded channels."""
    mode, _, channels = os.environ.pop(MODE, "").partition(":")
    return mode, channels
