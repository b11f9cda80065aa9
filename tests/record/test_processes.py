"""Processes as records name them."""

import os
import subprocess
import sys

import msgspec

from mlops.record.processes import ProcessId, identify_process, own_process


def test_this_process_is_alive_and_another_one_under_its_number_is_not() -> None:
    own = own_process()
    assert own.pid == os.getpid()
    assert own.alive
    assert not ProcessId(own.pid, own.created - 3600).alive


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
    assert msgspec.json.encode(ProcessId(7, 1.5)) == b"[7,1.5]"
    assert msgspec.json.decode(b"[7,1.5]", type=ProcessId) == ProcessId(7, 1.5)
