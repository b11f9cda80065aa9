"""Functions that start, find and stop the server processes of services."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import psutil

from mlops.errors import DeploymentError, IntegrityError
from mlops.files.disk import is_full
from mlops.files.hashes import hash_content
from mlops.files.records import read_record
from mlops.record.processes import ProcessId, identify_process
from mlops.serving.log import describe_line

MACHINE = Path("/etc/machine-id")
SERVER = "serving"  # the module that a server runs
READY, LOG = "ready.json", "service.log"  # files in the folder of a server
STOP_SECONDS = 15.0
KILL_SECONDS = 5.0
# A server has these variables of this process. Others may contain secrets.
KEPT = ("PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
QUOTED_LINES = 15  # enough for the end of a traceback


@dataclass(frozen=True)
class ServiceProcess:
    """A server process and its port. The other fields identify the process; see `mlops.record.processes.ProcessId`."""

    pid: int
    created: float
    port: int
    start: str = ""

    @property
    def alive(self) -> bool:
        """True if the server is still running."""
        return ProcessId(self.pid, self.created, self.start).alive


@dataclass(frozen=True)
class Ready:
    """The content of the file ``ready.json``, which a server writes as soon as it can answer requests."""

    pid: int = 0
    port: int = 0


def read_ready(path: Path) -> Ready:
    """Return the content of a file ``ready.json``; zeros if it is missing or damaged."""
    try:
        return read_record(path, Ready)
    except (IntegrityError, FileNotFoundError):
        return Ready()


def serves_from(pid: int, folder: Path) -> bool:
    """Return whether a process is a running server whose files are below `folder`."""
    try:
        words = psutil.Process(pid).cmdline()
    except (psutil.Error, ValueError, OverflowError):  # a damaged file may contain any number
        return False
    return SERVER in words and any(Path(word).is_relative_to(folder) for word in words)


def find_home(pid: int) -> str:
    """Return the MLOPS_HOME of the server with this process id; "" if the process is not a server."""
    with suppress(psutil.Error, ValueError, OverflowError):
        words = psutil.Process(pid).cmdline()
        if SERVER in words and "--ready" in words[:-1]:
            # <home>/services/<environment>/<time>/ready.json
            return str(Path(words[words.index("--ready") + 1]).parents[3])
    return ""


def identify_machine() -> str:
    """Return an identifier of this machine; "" if the operating system has none."""
    try:
        return hash_content(MACHINE.read_bytes().strip())[:12]  # hashed, because a machine id is confidential
    except OSError:
        return ""


def start_process(
    python: Path, bundle: Path, keys: Path, port: int, folder: Path, variables: Mapping[str, str] = NO_VARIABLES
) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a server for an image.

    Parameters
    ----------
    python : Path
        The interpreter of the service's environment.
    bundle, keys : Path
        The folder with the files of the image, and the file with the keys of the service.
    port : int
        The loopback port; 0 for any free port.
    folder : Path
        An empty folder for ``service.log`` and ``ready.json``. The server writes ``ready.json`` as soon as it can
        answer requests, and ends when that file is deleted.
    variables : mapping of str to str
        Environment variables with settings of the server.

    Returns
    -------
    tuple of (Popen, Path)
        The supervisor of the server, in its own session, and the path of ``ready.json``.
    """
    ready = folder / READY
    command = [str(python), "-B", "-m", SERVER, "--bundle", str(bundle), "--keys", str(keys)]
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    limits = {name: value for name, value in os.environ.items() if name.startswith(("OPENBLAS_", "OMP_", "MKL_"))}
    with open(folder / LOG, "ab") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--ready", str(ready)],
            cwd=bundle,
            env={**kept, **limits, **variables, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return process, ready


def wait_ready(process: "subprocess.Popen[bytes]", ready: Path, seconds: float, image: str) -> ServiceProcess:
    """Wait until a started server can answer requests, and return its process.

    Raises
    ------
    DeploymentError
        If the server ends, or is not ready within `seconds` and is therefore killed. The message names `image` and
        quotes the last lines of the server's log.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if ready.is_file():
            pid, created, start = identify_process(process.pid)
            return ServiceProcess(pid, created, read_record(ready, Ready).port, start)
        time.sleep(0.02)
    code = process.poll()
    if code is None:
        _kill_group(process.pid)  # with the workers, which may still be loading the model
        process.kill()
        process.wait()
    log = ready.with_name(LOG)
    said = f"ended with exit code {code}" if code is not None else f"was not ready within {seconds:g} s"
    if is_full(log.parent):
        raise DeploymentError(
            f"The service of {image} {said}, and the disk of {log.parent} is full. Free some space and try again."
        )
    raise DeploymentError(f"The service of {image} {said}. {quote_log(log)}")


def quote_log(log: Path) -> str:
    """Return a text with the path and the last lines of a service's log."""
    tail = "\n".join(map(describe_line, log.read_text(errors="replace").splitlines()[-QUOTED_LINES:]))
    return f"The end of {log}:\n{tail}"


def confirm_process(process: "subprocess.Popen[bytes]") -> None:
    """Allow a server from `start_process` to outlive this process."""
    assert process.stdin is not None
    process.stdin.write(b"confirmed\n")
    process.stdin.close()


def abandon_process(process: "subprocess.Popen[bytes]") -> None:
    """End a server that was not confirmed with `confirm_process`, but let it finish the requests that have begun."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def is_listening(port: int) -> bool:
    """Return whether a program listens on a port of this machine."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def find_servers(folder: Path) -> list[psutil.Process]:
    """Return the running servers whose files are below `folder`: supervisors, and workers without a supervisor."""
    found = {process.pid: process for process in psutil.process_iter() if serves_from(process.pid, folder)}
    servers = []
    for process in found.values():
        with suppress(psutil.Error):  # it ended meanwhile
            if process.ppid() not in found:
                servers.append(process)
    return servers


def end_servers(servers: Sequence[psutil.Process]) -> None:
    """Ask servers to finish their requests and end, and kill those that still run after 15 seconds.

    Raises
    ------
    DeploymentError
        If a server does not end, for example because it belongs to another user.
    """
    for end, seconds in ((psutil.Process.terminate, STOP_SECONDS), (psutil.Process.kill, KILL_SECONDS)):
        for server in servers:
            if end is psutil.Process.kill:
                _kill_group(server.pid)
            with suppress(psutil.Error):  # the server ended meanwhile, or belongs to another user
                end(server)
        deadline = time.monotonic() + seconds
        # psutil.wait_procs would also wait for the parent of a server, which may never read the exit code.
        while (servers := [server for server in servers if _is_running(server)]) and time.monotonic() < deadline:
            time.sleep(0.02)
    if servers:
        pids = " and ".join(str(server.pid) for server in servers)
        raise DeploymentError(
            f"Process {pids} of the service did not end. End it as the user who started it, then run the command again."
        )


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # the process leads no group, or belongs to another user
        os.killpg(leader, signal.SIGKILL)


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
