"""Notebooks in workers that were forked by a process that has itself run a notebook, as in nbclient's own tests."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

# On Linux, these workers are forks by default. The timeout is nbclient's time limit for a cell, which would end a hang.
SCRIPT = """
import concurrent.futures, multiprocessing, os, sys
import nbclient, nbformat, papermill

def run(number):
    found = nbclient.NotebookClient(nbformat.read("source.ipynb", 4), timeout=60, kernel_name="python3").execute()
    return found.cells[0].outputs[0].text.strip()

def run_with_papermill():
    papermill.execute_notebook("source.ipynb", "copy.ipynb", progress_bar=False, kernel_name="python3")

fork = multiprocessing.get_context("fork")
seen = [run(0)]
with concurrent.futures.ProcessPoolExecutor(2, mp_context=fork) as workers:
    seen += workers.map(run, range(4))
process = fork.Process(target=run_with_papermill)
process.start()
process.join()
assert process.exitcode == 0
print(*sorted(set(seen)))
"""


@pytest.mark.parametrize("warm", ["1", pytest.param("0", marks=pytest.mark.slow)])
def test_notebooks_run_in_forked_workers(tmp_path: Path, warm: str) -> None:
    cell = nbformat.v4.new_code_cell("print(6 * 7)", metadata={"tags": ["parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "source.ipynb")
    environ = {**os.environ, "MLOPS_WARM_KERNELS": warm}
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, "42\n"), ran.stderr
    assert "Starting a fresh kernel" not in ran.stderr


LEAVES_A_WORKER = """
import os, sys, time
from jupyter_client.manager import KernelManager

manager = KernelManager()
manager.start_kernel()
printed, say_printed = os.pipe()
worker = os.fork()
if worker == 0:
    print(manager.is_alive(), flush=True)
    os.write(say_printed, b"1")
else:
    os.read(printed, 1)
    print(manager.is_alive(), manager.provisioner.process.pid, worker, flush=True)
time.sleep(60)
"""


def test_a_kernel_ends_with_its_process_though_a_forked_worker_lives_on(
    tmp_path: Path, wait_for: Callable[..., bool], running: Callable[[int], bool]
) -> None:
    """A worker inherits the connection that keeps the kernel alive. The worker itself sees the kernel as ended."""
    environ = {**os.environ, "MLOPS_WARM_KERNELS": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", LEAVES_A_WORKER], cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "False\n"
        alive, kernel, worker = process.stdout.readline().split()
        assert (alive, running(int(kernel)), running(int(worker))) == ("True", True, True)
        process.kill()
        assert wait_for(lambda: not running(int(kernel)))
        assert running(int(worker))
        os.kill(int(worker), signal.SIGKILL)
