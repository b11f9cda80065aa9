"""The client of a parent of warm kernels. It starts the parent, and asks the parent to fork kernels and commands."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlops.kernels.key import Key, make_key
from mlops.kernels.leftovers import name_interpreter
from mlops.kernels.limit import end_surplus
from mlops.kernels.messages import FORK_SECONDS, Channel, MessageError, open_channel
from mlops.kernels.process import WarmProcess
from mlops.kernels.request import COMMAND, Order, Request, make_request, write_request
from mlops.kernels.socket_folder import UnavailableError, explain_failure, find_folder, lock
from mlops.kernels.stopped import wait_for_parent
from mlops.parameters.kernel_section import find_settings

IMPORT_SECONDS = 60  # time limit in seconds for a parent's imports
ANSWER_SECONDS = IMPORT_SECONDS + 10
RETRY_SECONDS = 300  # seconds between a failed start of a parent and the next attempt
ENDED = "It ended before it was ready"
FORWARDED = tuple(signal.Signals[f"SIG{name}"] for name in "INT TERM HUP QUIT USR1 USR2 WINCH".split())


def find_key(environ: Mapping[str, str] = os.environ, directory: str = "") -> Key | None:
    """Return the key of the parent that can fork kernels with this environment and working directory.

    Return None if warm kernels are switched off.

    Raises
    ------
    ParameterError
        If the settings of warm kernels in ``parameters/base.yml``, or the variable MLOPS_KERNELS_OWNER, are wrong.
    """
    directory = directory or os.getcwd()
    settings = find_settings(environ, directory)
    return make_key(settings, environ, directory) if settings.warm and sys.platform == "linux" else None


@dataclass(frozen=True)
class Connection:
    """A connection to a parent of warm kernels.

    Parameters
    ----------
    channel : Channel
        The channel to the parent.
    pending : tuple of str
        The packages that the parent has not imported yet.
    path : Path
        The path of the parent's socket.
    parent : int
        The process id of the parent.
    """

    channel: Channel
    pending: tuple[str, ...]
    path: Path
    parent: int


def connect(key: Key, *, start: bool = True) -> Connection | None:
    """Connect to the parent of warm kernels that has this key.

    Parameters
    ----------
    key : Key
        The key of the parent.
    start : bool
        Whether to start the parent if it is not running. If false, only a parent that has finished its imports is used.

    Returns
    -------
    Connection or None
        The connection; None if `start` is false and no parent has finished its imports.

    Raises
    ------
    UnavailableError
        If the parent did not start, or cannot fork.
    """
    path = find_folder() / f"{key.name}.sock"
    if start:
        _refuse_failed(path)
    for _ in range(2):  # the first attempt may reach a parent that is about to end
        channel, started = open_channel(path), False
        if channel is None:
            if not start:
                return None
            channel, started = _start_and_connect(path, key), True
        try:
            greeting = _read_greeting(channel, ANSWER_SECONDS if start else 0.1)
            if greeting is not None and (start or not greeting["pending"]):
                return Connection(channel, tuple(greeting["pending"]), path, greeting["pid"])
            channel.close()
            if not start:
                return None
            problem = f"It did not answer within {ANSWER_SECONDS} s"
        except MessageError:
            channel.close()
            problem = ENDED
        if started:
            break
    raise _write_failure_note(path, problem)


def _write_failure_note(path: Path, problem: str) -> UnavailableError:
    said = f"The parent of the warm kernels did not start. {problem} (see {path.with_suffix('.log')})."
    with contextlib.suppress(OSError):  # without the note, the next kernel tries again
        path.with_suffix(".failed").write_text(said)
    return UnavailableError(said)


def start_parent(key: Key) -> None:
    """Start the parent with this key in the background, unless it is already running."""
    path = find_folder() / f"{key.name}.sock"
    _refuse_failed(path)
    (open_channel(path) or _start_and_connect(path, key)).close()


def fork(connection: Connection, request: Request, files: Sequence[int]) -> WarmProcess:
    """Ask a parent to fork a kernel or command, and return the new process.

    Parameters
    ----------
    connection : Connection
        The connection from `connect`. The returned `WarmProcess` closes it.
    request : Request
        The kernel or command to fork.
    files : sequence of int
        Standard input, output and error of the process. For a kernel, also the pipe on which the kernel reports that it
        is ready.

    Raises
    ------
    UnavailableError
        If the parent did not fork the process.
    """
    channel, seconds = connection.channel, ANSWER_SECONDS if connection.pending else FORK_SECONDS
    try:
        channel.send(write_request(request), files)
        message = wait_for_parent(channel, seconds, connection.parent)
    except UnavailableError:
        channel.close()
        raise
    except (MessageError, OSError) as error:
        channel.close()
        if connection.pending and not _listens(connection.path):
            raise _write_failure_note(connection.path, ENDED) from error
        raise UnavailableError(f"The parent of the warm kernels did not fork: {error}.") from error
    if message and "problem" in message.content:
        channel.close()
        raise UnavailableError(message.content["problem"])
    if message is None or "pid" not in message.content:
        channel.close()
        raise UnavailableError(f"The parent of the warm kernels did not fork within {seconds} s.")
    return WarmProcess(request.argv, message.content["pid"], message.files[0], channel)


def run_command(
    connection: Connection, entry: str, argv: Sequence[str], environ: Mapping[str, str] = os.environ
) -> int:
    """Run a function in a process that a parent forks, and wait until the process ends.

    The forked process has the standard input, output and error and the working directory of this process. It receives
    the signals that are sent to this process.

    Parameters
    ----------
    connection : Connection
        The connection from `connect`.
    entry : str
        The function, as "module:function". Its result is passed to `sys.exit`.
    argv : sequence of str
        The `sys.argv` of the forked process.
    environ : mapping of str to str
        The environment of the forked process.

    Returns
    -------
    int
        The exit code of the process. If a signal ended the process, minus the number of the signal.

    Raises
    ------
    UnavailableError
        If the process was not started. The caller can run the function in its own process instead.
    """
    request = make_request(COMMAND, list(argv), os.getcwd(), environ, entry)
    with _open_standard_files() as files:
        process = fork(connection, request, files)
    handlers = {signum: signal.getsignal(signum) for signum in (*FORWARDED, signal.SIGTSTP)}
    try:
        for signum in FORWARDED:
            if handlers[signum] != signal.SIG_IGN:
                signal.signal(signum, lambda number, frame: process.send_signal(number))
        signal.signal(signal.SIGTSTP, lambda number, frame: _suspend_with_self(process))
        return process.wait()
    finally:
        for signum, handler in handlers.items():
            signal.signal(signum, handler)


def _suspend_with_self(process: WarmProcess) -> None:
    process.send_group(signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)
    process.send_group(signal.SIGCONT)


@contextlib.contextmanager
def _open_standard_files() -> Iterator[list[int]]:
    null = os.open(os.devnull, os.O_RDWR)
    try:
        yield [file if os.path.exists(f"/proc/self/fd/{file}") else null for file in range(3)]
    finally:
        os.close(null)


def _listens(path: Path) -> bool:
    if channel := open_channel(path):
        channel.close()
    return channel is not None


def _refuse_failed(path: Path) -> None:
    failed = path.with_suffix(".failed")
    with contextlib.suppress(FileNotFoundError):
        if is_recent(failed):
            raise UnavailableError(failed.read_text())
        failed.unlink()


def is_recent(note: Path) -> bool:
    """Return whether the failed start recorded in the file `note` is so recent that it is too early to try again."""
    return abs(time.time() - note.stat().st_mtime) < RETRY_SECONDS


def _read_greeting(channel: Channel, seconds: float) -> Mapping[str, Any] | None:
    message = wait_for_parent(channel, seconds, channel.find_peer())
    if message and "problem" in message.content:
        raise UnavailableError(message.content["problem"])
    return message.content if message else None


def _start_and_connect(path: Path, key: Key) -> Channel:
    with explain_failure(path.parent), lock(path.parent):
        if channel := open_channel(path):
            return channel  # another client was faster
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(path))
            path.chmod(0o600)
            listener.listen(128)
            _spawn(listener, path, key)
        channel = open_channel(path)
    end_surplus(path, key.most)
    if channel is None:
        raise _write_failure_note(path, ENDED)
    return channel


def _spawn(listener: socket.socket, path: Path, key: Key) -> None:
    order = Order(
        listener=listener.fileno(),
        path=str(path),
        preload=key.preload,
        own=key.own,
        import_seconds=IMPORT_SECONDS,
        idle_seconds=key.idle_seconds,
        owner=key.owner,
    )
    with path.with_suffix(".log").open("wb") as log:
        log.write(name_interpreter(key.command[0]))
        log.flush()
        subprocess.run(
            [*key.command, "-m", "mlops.kernels.parent", json.dumps(asdict(order))],
            cwd=Path(__file__).parents[2],
            env=dict(key.environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[listener.fileno()],
            start_new_session=True,
            check=False,
        )
