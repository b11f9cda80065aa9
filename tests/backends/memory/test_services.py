"""Services in memory: threads, and scripts that fail or hang."""

import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from recorded_trainings import list_trainings
from tiny_model import HANGING, ask, deploy, publish, register

from mlops.backends import memory
from mlops.backends.memory.services import ThreadServer
from mlops.errors import DeploymentError


def test_an_image_that_hangs_does_not_hold_up_the_next(tmp_path: Path) -> None:
    backend = memory.open_backend()
    with pytest.raises(DeploymentError, match=r"The service of tiny:1 was not ready within 0\.1 s"):
        deploy(backend, "qa", publish(backend, tmp_path, script=HANGING), seconds=0.1)
    assert ask(backend, deploy(backend, "qa", publish(backend, tmp_path, 2.0))) == 2.0
    assert backend.services.stop("qa")


def test_a_server_that_does_not_start_in_time_is_not_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = memory.open_backend()
    image = publish(backend, tmp_path)
    before = {*threading.enumerate()}  # services of other tests can still run
    monkeypatch.setattr(ThreadServer, "ready", False)
    with pytest.raises(DeploymentError, match=r"The service of tiny:1 was not ready within 0\.5 s"):
        deploy(backend, "qa", image, seconds=0.5)
    assert backend.services.list_services() == []
    assert not any(thread.name.startswith("service-") for thread in {*threading.enumerate()} - before)


def test_the_model_s_folder_is_set_only_while_a_script_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZUREML_MODEL_DIR", "before")
    backend = memory.open_backend()
    deploy(backend, "qa", publish(backend, tmp_path))
    assert os.environ["AZUREML_MODEL_DIR"] == "before"
    backend.services.stop("qa")


def test_stopping_ends_the_thread(tmp_path: Path) -> None:
    backend = memory.open_backend()
    service = deploy(backend, "qa", publish(backend, tmp_path))
    name = f"service-{service.url.rpartition(':')[2]}"
    assert name in {thread.name for thread in threading.enumerate()}
    backend.services.stop("qa")
    assert name not in {thread.name for thread in threading.enumerate()}


def test_two_platforms_share_nothing(tmp_path: Path) -> None:
    model = register(memory.open_backend(), tmp_path)
    other = memory.open_backend()
    assert (other.images.find_image(model), other.registry.find_champion("tiny")) == (None, None)
    assert list_trainings(other) == []


EXITING = "import sys\ndef init(): sys.exit('no licence')\ndef run(data): ..."
HELD = """
import pathlib, time
def init(): ...
def run(data):
    pathlib.Path({folder!r}, "asked").touch()
    while not pathlib.Path({folder!r}, "go").exists(): time.sleep(0.01)
    return data[:, 0]
"""
FORGETTING = """
import os
def init(): del os.environ["AZUREML_MODEL_DIR"]
def run(data): return data[:, 0]
"""


def test_a_script_that_exits_is_an_error_that_says_so(tmp_path: Path) -> None:
    backend = memory.open_backend()
    with pytest.raises(DeploymentError, match=r"The service of tiny:1 could not be loaded: no licence\."):
        deploy(backend, "qa", publish(backend, tmp_path, script=EXITING))


def test_a_script_may_delete_the_variable_of_the_model_s_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZUREML_MODEL_DIR", raising=False)
    backend = memory.open_backend()
    assert ask(backend, deploy(backend, "qa", publish(backend, tmp_path, script=FORGETTING))) == 1.0
    backend.services.stop("qa")


def test_a_port_that_somebody_else_has_is_an_error_not_an_exit(tmp_path: Path) -> None:
    backend = memory.open_backend()
    image = publish(backend, tmp_path)
    port = int(deploy(backend, "qa", image).url.rpartition(":")[2])
    backend.services.stop("qa")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(DeploymentError, match=rf"Could not start a service in memory. Could not use port {port} "):
            deploy(backend, "qa", image)


def test_a_request_that_hangs_does_not_hold_up_stopping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops.backends.memory.services.STOP_SECONDS", 0.2)
    backend = memory.open_backend()
    service = deploy(backend, "qa", publish(backend, tmp_path, script=HELD.format(folder=str(tmp_path))))
    with ThreadPoolExecutor(1) as pool:  # suppresses the client's error, which would otherwise appear in another test
        pool.submit(ask, backend, service)
        while not (tmp_path / "asked").exists():
            time.sleep(0.01)
        assert backend.services.stop("qa")  # returns, although the script still waits for the file
        (tmp_path / "go").touch()
