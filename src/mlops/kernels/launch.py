"""The launch of a warm kernel."""

import os
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import IO, Any

from mlops.kernels.key import make_key
from mlops.kernels.needs import find_expected, find_needs
from mlops.kernels.parent_client import connect, fork
from mlops.kernels.process import WarmProcess
from mlops.kernels.request import KERNEL, make_request
from mlops.kernels.socket_folder import UnavailableError
from mlops.parameters.kernel_section import find_settings

LAUNCHER = "ipykernel_launcher"
READY_SECONDS = 60
UNDERSTOOD = ("cwd", "env", "stdin", "stdout", "stderr", "start_new_session")


def launch(cmd: Sequence[str], options: Mapping[str, Any]) -> WarmProcess | None:
    """Start a warm kernel, and wait until it has bound its ports.

    Parameters
    ----------
    cmd : sequence of str
        The command line of the kernel.
    options : mapping
        Keyword arguments, as for `subprocess.Popen`.

    Returns
    -------
    WarmProcess or None
        The kernel; None if warm kernels are switched off.

    Raises
    ------
    UnavailableError
        If the kernel could not be started. No process remains.
    """
    directory = os.path.abspath(options.get("cwd") or os.getcwd())
    environ = dict(os.environ if options.get("env") is None else options["env"])
    settings = find_settings(environ, directory)
    if not settings.warm:
        return None
    _require_understood(options)
    key = make_key(settings, environ, directory, _read_python_flags(cmd))
    environ["JPY_PARENT_PID"] = str(os.getpid())
    connection = connect(key)
    assert connection is not None
    needs, expected = None, []
    if connection.pending:
        needs, expected = find_needs(environ, key.own), find_expected(environ, key.own)
    with ExitStack() as stack:
        files, readers = _open_streams(options, stack)
        ready, say_ready = os.pipe()
        stack.callback(os.close, ready)
        try:
            request = make_request(KERNEL, list(cmd), directory, environ, needs=needs, expected=expected)
            process = fork(connection, request, [*files, say_ready])
        finally:
            os.close(say_ready)
        _wait_ready(process, ready)
        process.stdout, process.stderr = (os.fdopen(os.dup(reader), "rb") if reader else None for reader in readers)
    return process


def _require_understood(options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        if name not in UNDERSTOOD and value:
            raise UnavailableError(f"A forked kernel does not support the option {name}={value!r}.")


def _read_python_flags(cmd: Sequence[str]) -> list[str]:
    python, *words = cmd
    position = words.index("-m") if "-m" in words else len(words)
    if words[position + 1 : position + 2] != [LAUNCHER]:
        raise UnavailableError(f"The command {' '.join(cmd)!r} does not start ipykernel.")
    same_folder = os.path.dirname(os.path.abspath(python)) == os.path.dirname(os.path.abspath(sys.executable))
    if not same_folder or os.path.realpath(python) != os.path.realpath(sys.executable):
        raise UnavailableError(f"The kernel needs {python}, but warm kernels run on {sys.executable}.")
    return words[:position]


def _open_streams(options: Mapping[str, Any], stack: ExitStack) -> tuple[list[int], tuple[int, int]]:
    """Open a kernel's standard streams. Return their descriptors, and the pipes from which to read its output."""
    null = os.open(os.devnull, os.O_RDWR)
    stack.callback(os.close, null)
    if options.get("stdin") == subprocess.PIPE:
        raise UnavailableError("A forked kernel does not support the option stdin=PIPE.")
    stdin = null if options.get("stdin") is None else _open_stream(options["stdin"], 0, null, stack)[0]
    stdout, output = _open_stream(options.get("stdout"), 1, null, stack)
    if options.get("stderr") == subprocess.STDOUT:
        return [stdin, stdout, stdout], (output, 0)
    stderr, errors = _open_stream(options.get("stderr"), 2, null, stack)
    return [stdin, stdout, stderr], (output, errors)


def _open_stream(stream: int | IO[Any] | None, inherited: int, null: int, stack: ExitStack) -> tuple[int, int]:
    if stream is None:
        return inherited if os.path.exists(f"/proc/self/fd/{inherited}") else null, 0
    if stream == subprocess.DEVNULL:
        return null, 0
    if stream == subprocess.PIPE:
        reader, writer = os.pipe()
        stack.callback(os.close, reader)
        stack.callback(os.close, writer)
        return writer, reader
    return stream if isinstance(stream, int) else stream.fileno(), 0


def _wait_ready(process: WarmProcess, ready: int) -> None:
    poll = select.poll()
    poll.register(ready, select.POLLIN)
    if poll.poll(READY_SECONDS * 1000) and os.read(ready, 1):
        return
    process.kill()
    raise UnavailableError(f"The warm kernel ended during its start with exit code {process.wait(READY_SECONDS)}.")
