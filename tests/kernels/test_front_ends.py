"""Every tool that runs notebooks gets warm kernels without a change, because the kernelspec names the provisioner."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import nbformat
import psutil
import pytest
from jupyter_client.connect import LocalPortCache
from nbclient import NotebookClient

from mlops.kernels.install import DISPLAY_NAME, NAME, PROVISIONER, install_kernelspec

CELL = "import os; print(os.getppid())"


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A notebook that prints the parent of its kernel, in the working directory, so that all tests use one parent."""
    monkeypatch.chdir(tmp_path)
    cell = nbformat.v4.new_code_cell(CELL)
    metadata = {"kernelspec": {"name": NAME, "display_name": DISPLAY_NAME, "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=metadata), tmp_path / "notebook.ipynb")
    return tmp_path / "notebook.ipynb"


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Another process takes the first port that jupyter_client chooses."""
    ports: list[int] = []
    choose = LocalPortCache.find_available_port

    def choose_and_take(cache: LocalPortCache, ip: str) -> int:
        port = choose(cache, ip)
        if not ports:
            ports.append(port)
            sockets.enter_context(socket.create_server((ip, port)))
        return port

    monkeypatch.setattr(LocalPortCache, "find_available_port", choose_and_take)
    with ExitStack() as sockets:
        yield ports


def is_warm(printed: str) -> bool:
    """Return whether this is the process id of a parent of warm kernels."""
    return "mlops.kernels.parent" in psutil.Process(int(printed)).cmdline()


def run_tool(*words: str, folder: Path) -> None:
    """Run a tool in the environment of the tests."""
    tool = [sys.executable, *words]
    done = subprocess.run(tool, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fresh kernel" not in done.stdout + done.stderr


def read_output(notebook: Path) -> str:
    """Return the output of its cell."""
    return str(nbformat.read(notebook, as_version=4).cells[0].outputs[0].text)


def test_papermill_gets_a_warm_kernel(notebook: Path, tmp_path: Path) -> None:
    run_tool("-m", "papermill", notebook.name, "copy.ipynb", "--no-progress-bar", folder=tmp_path)
    assert is_warm(read_output(tmp_path / "copy.ipynb"))


def test_nbclient_gets_a_warm_kernel(notebook: Path) -> None:
    done = NotebookClient(nbformat.read(notebook, as_version=4), timeout=60).execute()
    assert is_warm(done.cells[0].outputs[0].text)


def test_nbconvert_gets_a_warm_kernel(notebook: Path, tmp_path: Path) -> None:
    run_tool("-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", notebook.name, folder=tmp_path)
    assert is_warm(read_output(notebook))


def test_nbval_gets_a_warm_kernel(notebook: Path, tmp_path: Path) -> None:
    """With ``--nbval-current-env``, nbval creates a kernelspec without a provisioner, so its kernels are fresh."""
    cell = "import os; open('parent', 'w').write(str(os.getppid()));"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)]), notebook)
    run_tool("-m", "pytest", "-p", "no:cacheprovider", "--nbval-lax", notebook.name, folder=tmp_path)
    assert is_warm((tmp_path / "parent").read_text())


def test_jupyter_server_starts_restarts_and_ends_a_warm_kernel(tmp_path: Path) -> None:
    """JupyterLab's own kernel manager starts, restarts and ends a warm kernel."""
    from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

    async def use() -> list[int]:
        manager = AsyncMappingKernelManager(root_dir=str(tmp_path))
        kernel_id = await manager.start_kernel(kernel_name=NAME, path="")
        pids = [manager.get_kernel(kernel_id).provisioner.process.pid]
        assert is_warm(str(psutil.Process(pids[0]).ppid()))
        assert Path(os.readlink(f"/proc/{pids[0]}/cwd")) == tmp_path
        await manager.restart_kernel(kernel_id)
        pids.append(manager.get_kernel(kernel_id).provisioner.process.pid)
        assert is_warm(str(psutil.Process(pids[1]).ppid()))
        info = await manager.get_kernel(kernel_id).provisioner.get_provisioner_info()
        assert info["pid"] == info["pgid"] == pids[1]
        await manager.interrupt_kernel(kernel_id)
        await manager.shutdown_kernel(kernel_id)
        return pids

    pids = asyncio.run(use())
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_kernel_whose_port_was_taken_gets_other_ports(notebook: Path, taken: list[int]) -> None:
    done = NotebookClient(nbformat.read(notebook, as_version=4), timeout=60).execute()
    assert is_warm(done.cells[0].outputs[0].text)
    assert taken


def test_the_kernelspec_names_the_provisioner(tmp_path: Path) -> None:
    spec = json.loads(install_kernelspec(str(tmp_path)).read_text())
    assert (
        spec["display_name"] == DISPLAY_NAME == f"notebook-mlops (Python {sys.version_info[0]}.{sys.version_info[1]})"
    )
    assert spec["argv"][0] == sys.executable
    assert spec["metadata"]["kernel_provisioner"] == {"provisioner_name": PROVISIONER}
    assert spec["metadata"]["debugger"] is True
    assert install_kernelspec(str(tmp_path)).is_file()
