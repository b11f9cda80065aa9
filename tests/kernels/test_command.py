"""A command in a fork of the parent acts for the process that asked for it."""

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlops.kernels.parent_client import connect, find_key

CALLER = """
import sys
from mlops.kernels.parent_client import connect, find_key, run_command
sys.exit(run_command(connect(find_key()), "command:main", ["command", *sys.argv[1:]]) % 256)
"""
CONTENT = """
import os, signal, subprocess, sys, time

def main():
    return globals()["do_" + sys.argv[1]](*sys.argv[2:])

def do_echo(*words):
    import mlops
    print(sys.stdin.read(), *words, os.getcwd(), os.environ["OF_THE_TEST"], "pandas" in sys.modules, __name__)
    print("an error", file=sys.stderr)
    return 7

def do_flush():
    import ctypes
    ctypes.CDLL(None).fflush(None)
    print("ours")

def do_sleep(path):
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    os.rename(path, path + ".done")
    time.sleep(60)

def do_raise():
    raise ValueError("of the command")

def do_exit():
    sys.exit("said at the end")

def do_show():
    import pandas, matplotlib
    print(pandas.get_option("display.max_columns"), sys.modules["__main__"].__dict__.get("__file__"), sys.argv)

def do_kernel(path):
    from jupyter_client.manager import KernelManager
    manager = KernelManager()
    manager.start_kernel()
    with open(path, "w") as file:
        file.write(f"{manager.provisioner.process.pid} {os.getppid()}")
    os.rename(path, path + ".done")
    time.sleep(60)
"""
NOISY = """
import ctypes, os

print("FROM PYTHON")
os.write(1, b"FROM A DESCRIPTOR\\n")
ctypes.CDLL(None).printf(b"FROM C\\n")
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def path_of_commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the module `CONTENT`.

    All tests share the folder, because each PYTHONPATH needs its own parent.
    """
    folder = tmp_path_factory.mktemp("commands")
    (folder / "command.py").write_text(CONTENT)
    (folder / "noisy.py").write_text(NOISY)
    return folder


@pytest.fixture
def start_command(tmp_path: Path, path_of_commands: Path, make_project: Callable[..., Path]) -> Iterator[Start]:
    """Starts processes that have the parent run a function of `CONTENT`."""
    make_project("pandas, noisy")
    environ = {**os.environ, "OF_THE_TEST": "yes", "PYTHONPATH": str(path_of_commands), "MLOPS_WARM_KERNELS": "1"}
    environ.pop("PYTHONUNBUFFERED", None)  # because unflushed output is among the things to test
    started: list[subprocess.Popen[str]] = []

    def start(*words: str, **options: Any) -> "subprocess.Popen[str]":
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(CALLER), *words],
                cwd=tmp_path,
                env=environ,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                preexec_fn=reset_signals,
                **options,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def reset_signals() -> None:
    """Restore signals that `nohup` or a shell's background job ignores; the child would ignore them, too."""
    for signum in (signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)


def forwards_signals(process: "subprocess.Popen[str]") -> bool:
    """Return whether a process forwards its signals. It handles SIGTSTP last, maybe after the fork began."""
    (caught,) = re.findall(r"SigCgt:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text())
    return bool(int(caught, 16) & 1 << (signal.SIGTSTP - 1))


def read_when_done(path: Path, wait_for: Callable[..., bool]) -> str:
    """Return the output of the command once it is complete."""
    done = path.with_name(path.name + ".done")
    assert wait_for(done.exists)
    return done.read_text()


def test_it_has_the_caller_s_files_and_folder(start_command: Start, tmp_path: Path) -> None:
    output, errors = start_command("echo", "a", "b").communicate("typed", timeout=60)
    assert output == f"typed a b {tmp_path} yes True command\n"
    assert errors == "an error\n"


def test_what_modules_print_when_they_are_imported_is_not_printed_again(start_command: Start) -> None:
    """The parent imports them once. Output that it had not flushed would appear in every fork."""
    output, errors = start_command("flush").communicate("", timeout=60)
    assert (output, errors) == ("ours\n", "")


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [("echo", 7, "an error"), ("raise", 1, "ValueError: of the command"), ("exit", 1, "said at the end")],
)
def test_a_command_ends_with_its_own_exit_code(start_command: Start, name: str, code: int, said: str) -> None:
    process = start_command(name)
    _, errors = process.communicate("", timeout=60)
    assert process.returncode == code
    assert errors.strip().splitlines()[-1] == said


def test_it_is_no_notebook(start_command: Start) -> None:
    output, _ = start_command("show").communicate("", timeout=60)
    assert output == "0 None ['command', 'show']\n"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_forwarded(
    start_command: Start,
    tmp_path: Path,
    wait_for: Callable[..., bool],
    running: Callable[[int], bool],
    signum: signal.Signals,
) -> None:
    process = start_command("sleep", str(tmp_path / "pid"))
    pid = int(read_when_done(tmp_path / "pid", wait_for))
    assert wait_for(lambda: forwards_signals(process))
    process.send_signal(signum)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signum % 256
    assert not running(pid)
    assert ("KeyboardInterrupt" in errors) == (signum == signal.SIGINT)


def test_a_command_ends_although_its_parent_is_stopped(
    start_command: Start, tmp_path: Path, wait_for: Callable[..., bool]
) -> None:
    """The parent cannot report the exit code, so it is read from the process."""
    process = start_command("sleep", str(tmp_path / "pid"))
    parent = psutil.Process(int(read_when_done(tmp_path / "pid", wait_for))).ppid()
    assert wait_for(lambda: forwards_signals(process))
    os.kill(parent, signal.SIGSTOP)
    try:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    finally:
        os.kill(parent, signal.SIGCONT)
    assert process.returncode == -signal.SIGTERM % 256


def test_a_pause_stops_the_command_and_resumes_with_it(
    start_command: Start, tmp_path: Path, wait_for: Callable[..., bool]
) -> None:
    process = start_command("sleep", str(tmp_path / "pid"), start_new_session=True)
    pid = int(read_when_done(tmp_path / "pid", wait_for))
    assert wait_for(lambda: forwards_signals(process))
    process.send_signal(signal.SIGTSTP)
    assert wait_for(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    assert wait_for(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
    process.send_signal(signal.SIGCONT)
    assert wait_for(lambda: psutil.Process(pid).status() == psutil.STATUS_SLEEPING)


def test_it_ends_with_its_caller_and_so_do_its_kernels(
    start_command: Start, tmp_path: Path, wait_for: Callable[..., bool], running: Callable[[int], bool]
) -> None:
    """The command's kernels were forked from the same parent as the command."""
    process = start_command("kernel", str(tmp_path / "pids"))
    kernel, parent = map(int, read_when_done(tmp_path / "pids", wait_for).split())
    assert psutil.Process(kernel).ppid() == parent
    commands = [child for child in psutil.Process(parent).children() if child.pid != kernel]
    assert {command.name() for command in commands} == {"warm-command"}
    assert psutil.Process(kernel).name() == "warm-kernel"
    process.kill()
    assert wait_for(lambda: not running(kernel))
    assert wait_for(lambda: not any(running(command.pid) for command in commands))


def test_warm_kernels_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_WARM_KERNELS", "0")
    assert find_key() is None
    monkeypatch.setenv("MLOPS_WARM_KERNELS", "1")
    found = find_key()
    assert found is not None
    connection = connect(found)
    assert connection is not None
    connection.channel.close()


def test_an_interrupt_before_the_command_runs_is_no_traceback() -> None:
    """While the client looks for a parent, only the client itself can report the interrupt."""
    script = "import mlops.__main__ as program\ndef interrupt(): raise KeyboardInterrupt\n"
    script += "program._find_parent = interrupt\nprogram.main()"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "mlops: interrupted\n")


def test_an_interrupt_during_the_imports_is_no_traceback() -> None:
    script = "import sys\nclass Finder:\n    def find_spec(self, name, *_):\n"
    script += "        if name == 'yaml': raise KeyboardInterrupt\n"
    script += "sys.meta_path.insert(0, Finder())\nfrom mlops.__main__ import main\nmain()"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "mlops: interrupted\n")


def test_a_process_of_any_name_has_kernels() -> None:
    """The name is part of /proc/self/status, from which the umask and the ignored signals are read."""
    script = "import ctypes\nctypes.CDLL(None).prctl(15, b'na\\xffme')\n"
    script += "from mlops.kernels.request import make_request\nprint(make_request('kernel', ['x'], '/', {}).kind)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.stdout == "kernel\n", ran.stderr
