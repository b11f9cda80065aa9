"""The measurement of commands: their wall time, and the CPU time of all processes that worked for them.

Kernels that are forked from a warm parent are not descendants of the command that asked for them. So this process
adopts every orphan below it, including the parents. The system adds up the CPU time of children that ended; that of
running ones is read.
"""

import contextlib
import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from benchmarks.measure import Sample
from mlops.kernels.parent_client import connect, find_key, start_parent
from mlops.kernels.running_parents import list_parents, stop_parents

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
BIN = Path(PYTHON).parent
FOLDER = "XDG_RUNTIME_DIR"  # the folder of the parents' sockets is below the folder that this variable names
ADOPT_ORPHANS = 36  # of prctl(2)
READY_SECONDS = 60.0
OWNED = {"MLOPS_KERNELS_OWNER": str(os.getpid())}  # parents end with this process


class CommandError(Exception):
    """A measured command failed; the message has the end of its output."""


def adopt_orphans() -> None:
    """Make this process the parent of every orphan below it, if the system supports that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 1)


def make_environ(**changes: str) -> dict[str, str]:
    """Return the environment for a command: that of this process, but with Python's default to save bytecode."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**environ, **OWNED, **changes}


@contextlib.contextmanager
def keep_parents_apart() -> Iterator[None]:
    """Have parents of warm kernels started in a new private folder, and end them all when the block ends."""
    usual = os.environ.get(FOLDER)
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            list_parents(READY_SECONDS)  # wait for a parent that is importing, because its CPU time is measured, too
            stop_parents()
            if usual is None:
                del os.environ[FOLDER]
            else:
                os.environ[FOLDER] = usual


@contextlib.contextmanager
def silence_errors() -> Iterator[None]:
    """Discard what this process and its kernels write to standard error."""
    usual, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(usual, 2)
        os.close(usual)
        os.close(null)


def warm_up(environ: Mapping[str, str], directory: Path) -> None:
    """Start the parent for an environment and wait until it is ready."""
    key = find_key(environ, str(directory))
    if key:
        start_parent(key)
        while (connection := connect(key, start=False)) is None:
            time.sleep(0.05)
        connection.channel.close()


def measure_commands(commands: Sequence[Sequence[str | Path]], environ: Mapping[str, str], directory: Path) -> Sample:
    """Run commands one after the other, on the running parent; raise CommandError if a command fails."""
    spent = _count_cpu()
    wall = _run_all(commands, environ, directory)
    return Sample(wall, _count_cpu() - spent)


def measure_cold(commands: Sequence[Sequence[str | Path]], environ: Mapping[str, str], directory: Path) -> Sample:
    """Run commands without a parent.

    The CPU time includes the start of a parent, even if that takes longer than the commands.
    """
    spent = _count_cpu()
    with keep_parents_apart():
        wall = _run_all(commands, {**environ, FOLDER: os.environ[FOLDER]}, directory)
    return Sample(wall, _count_cpu() - spent)


def _run_all(commands: Sequence[Sequence[str | Path]], environ: Mapping[str, str], directory: Path) -> float:
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        for command in commands:
            options = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            code = _wait(subprocess.Popen(command, env=environ, cwd=directory, **options))
            if code:
                output.seek(0)
                said = output.read()[-2000:].decode(errors="replace")
                raise CommandError(f"{' '.join(map(str, command))} ended with {code}:\n{said}")
        return time.perf_counter() - began


def _wait(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a command and return its exit code. Orphans that end in the meantime must not remain as zombies."""
    while process.returncode is None:
        ended, status = os.waitpid(-1, 0)
        if ended == process.pid:
            process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode


def _count_cpu() -> float:
    """Return the CPU seconds that all descendants have used so far."""
    _reap_orphans()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = ended.ru_utime + ended.ru_stime
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total


def _reap_orphans() -> None:
    """Collect the children that ended, and wait a moment for those that are just ending."""
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if all("mlops.kernels.parent" in _read_command(child) for child in psutil.Process().children()):
            return
        time.sleep(0.01)


def _read_command(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []
