"""Service processes: started apart from whoever starts them, recognised for sure, ended gently."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from mlops.errors import DeploymentError
from mlops.files.records import read_record
from mlops.image.bundle import REQUIREMENTS, read_pins
from mlops.record.processes import ProcessId, identify_process

STOP_SECONDS = 15.0
KILL_SECONDS = 5.0


@dataclass(frozen=True)
class ServiceProcess:
    """A running server: `pid`, `created` and `start` as in `ProcessId`, and its port."""

    pid: int
    created: float
    port: int
    start: str = ""

    @property
    def alive(self) -> bool:
        """Whether it still runs; another process that got its number does not count."""
        return ProcessId(self.pid, self.created, self.start).alive


@dataclass(frozen=True)
class Ready:
    """What a server writes into its ready file."""

    pid: int = 0
    port: int = 0


def serves_from(pid: int, folder: Path) -> bool:
    """Say whether a process is a server whose files are below `folder`; one that has ended is none."""
    try:
        words = psutil.Process(pid).cmdline()
    except (psutil.Error, ValueError, OverflowError):  # a damaged file may hold any number
        return False
    return any(Path(word).is_relative_to(folder) for word in words)


def check_packages(bundle: Path) -> None:
    """Check that this interpreter has the packages that the bundle pins.

    Raises
    ------
    DeploymentError
        If one is missing or of another version.
    """
    for name, pinned in read_pins(bundle / REQUIREMENTS).items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            installed = "missing"
        if installed != pinned:
            raise DeploymentError(
                f"the image needs {name} {pinned}, but {sys.prefix} has {installed}: run `make setup`, "
                "or create the image again from today's packages"
            )


def start_process(bundle: Path, keys: Path, port: int, folder: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a server from a bundle.

    Parameters
    ----------
    bundle, keys : Path
        The image's content, and the file with the keys.
    port : int
        Where it listens on loopback; 0 for any free port.
    folder : Path
        An empty one. Gets ``service.log`` and, once the service answers, ``ready.json``. Delete ``ready.json``, and
        the service ends.

    Returns
    -------
    tuple of (Popen, Path)
        The process, in a session of its own, and the ready file. It ends with its starter until
        `confirm_process`.
    """
    ready = folder / "ready.json"
    command = [sys.executable, "-B", "-m", "serving", "--bundle", str(bundle), "--keys", str(keys)]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH") if name in os.environ}
    limits = {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}
    with open(folder / "service.log", "ab") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--ready", str(ready)],
            cwd=bundle,
            env={**kept, **limits, "PYTHONUNBUFFERED": "1"},  # no other variable: they may hold secrets
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return process, ready


def wait_ready(process: "subprocess.Popen[bytes]", ready: Path, seconds: float, image: str) -> ServiceProcess:
    """Wait until a started server answers.

    Raises
    ------
    DeploymentError
        If it ends or takes longer than `seconds`; it is then killed; the message names `image` and ends with its log.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if ready.is_file():
            pid, created, start = identify_process(process.pid)
            return ServiceProcess(pid, created, read_record(ready, Ready).port, start)
        time.sleep(0.02)
    code = process.poll()
    process.kill()
    process.wait()
    log = ready.with_name("service.log")
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    said = f"ended with exit code {code}" if code is not None else f"was not ready within {seconds:g} s"
    raise DeploymentError(f"the service of {image} {said}; the end of {log}:\n{tail}")


def confirm_process(process: "subprocess.Popen[bytes]") -> None:
    """Let a started server outlive its starter."""
    assert process.stdin is not None
    process.stdin.write(b"confirmed\n")
    process.stdin.close()


def is_listening(port: int) -> bool:
    """Say whether anything answers on a port of this machine."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def end_process(process: ServiceProcess) -> None:
    """End a server: it finishes the requests that it has; after 15 seconds it is killed."""
    if not process.alive:
        return
    found = psutil.Process(process.pid)
    found.terminate()
    try:
        found.wait(STOP_SECONDS)
    except psutil.TimeoutExpired:
        found.kill()
        with suppress(psutil.TimeoutExpired):  # a zombie that nobody reaps counts as ended
            found.wait(KILL_SECONDS)
