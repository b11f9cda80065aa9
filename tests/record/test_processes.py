"""Processes as records name them."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil
import pytest

from mlops.record import processes
from mlops.record.processes import ProcessId, describe_holders, identify_process, own_process


def test_this_process_is_alive_and_another_one_under_its_number_is_not() -> None:
    own = own_process()
    assert own.pid == os.getpid()
    assert own.alive
    assert not ProcessId(own.pid, own.created - 3600).alive
    assert not ProcessId(own.pid, own.created, "another start:7").alive


@pytest.mark.skipif(not processes.BOOT.is_file(), reason="this system does not name its start")
def test_a_process_is_the_same_once_the_clock_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    own = own_process()
    created = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: created(process) - 86_400)
    assert own.alive
    assert not ProcessId(*own[:2]).alive
    assert not own._replace(start=f"{own.start}0").alive  # it started at another tick of the same boot


def test_a_system_that_does_not_count_is_asked_for_the_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known = own_process()
    monkeypatch.setattr(processes, "BOOT", tmp_path / "none")
    assert own_process().start == ""
    assert known.alive
    assert ProcessId(known.pid, known.created).alive


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = identify_process(child.pid)
    assert process.alive
    assert child.stdin is not None
    child.stdin.write(b"\n")
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not process.alive
    child.wait()
    assert not process.alive


def test_a_process_is_an_array_in_json() -> None:
    assert msgspec.json.encode(ProcessId(7, 1.5, "start:8")) == b'[7,1.5,"start:8"]'
    assert msgspec.json.decode(b"[7,1.5]", type=ProcessId) == ProcessId(7, 1.5)  # as older versions wrote it


@pytest.mark.parametrize("listed", [True, False])
def test_whoever_holds_a_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: bool) -> None:
    """The processes come from the system's list of locks or, if it has none, from the open files."""
    path = tmp_path / "held"
    code = f"import fcntl\nf = open({str(path)!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    if not listed:
        monkeypatch.setattr(processes, "LOCKS", tmp_path / "none")
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        named = f"process {holder.pid} ({Path(sys.executable).name} -c import fcntl f = open("
        assert describe_holders(path).startswith(named)
        assert "\n" not in describe_holders(path)
        holder.kill()
    assert describe_holders(path) == describe_holders(tmp_path / "nothing") == ""
