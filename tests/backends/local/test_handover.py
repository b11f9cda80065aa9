"""Deployments and rotations of keys under load: a client that keeps its connections sees no error."""

import http.client
import threading
from collections import Counter
from pathlib import Path

import pytest
from tiny_model import deploy, publish

from mlops.backends import open_backend
from mlops.workspace import Workspace

BODY = '{"data": [[1.0]]}'


class Client(threading.Thread):
    """A client that sends one request after the other, and counts the answers by their predictions.

    Parameters
    ----------
    port : int
        The port of the service.
    key : str
        A key of the service. A test can change it.
    keeps : bool
        Whether the client uses its connection for the next request.
    """

    def __init__(self, port: int, key: str, *, keeps: bool) -> None:
        super().__init__(daemon=True)
        self.key = key
        self.ended = False
        self.answers: Counter[str] = Counter()
        self._keeps = keeps
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def run(self) -> None:
        """Send requests until the client is ended."""
        while not self.ended:
            self.answers[self._ask()] += 1

    def _ask(self) -> str:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            self._connection.request("POST", "/score", BODY, headers)
            answer = self._connection.getresponse()
            said = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            said = repr(error)
            self._connection.close()
        if not self._keeps:
            self._connection.close()
        return said


@pytest.mark.parametrize(
    ("count", "workers"),
    [(3, 1), pytest.param(30, 1, marks=pytest.mark.slow), pytest.param(20, 3, marks=pytest.mark.slow)],
)
def test_clients_see_no_error_during_deployments(
    migrated: Workspace, tmp_path: Path, count: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_LOCAL_SERVICE_WORKERS", str(workers))
    backend = open_backend("local", migrated)
    images = [publish(backend, tmp_path, number) for number in (1.0, 2.0)]
    service = deploy(backend, "qa", images[0])
    key, port = backend.secrets.get_keys("qa")[0], int(service.url.rpartition(":")[2])
    clients = [Client(port, key, keeps=number < 3) for number in range(4)]
    try:
        for client in clients:
            client.start()
        for number in range(count):
            if number % 3 == 2:
                backend.services.rotate_keys("qa")
                for client in clients:
                    client.key = backend.secrets.get_keys("qa")[0]
            else:
                deploy(backend, "qa", images[(number + 1) % 2], force=True)
        monkeypatch.setenv("MLOPS_LOCAL_SERVICE_WORKERS", "2")
        (before,) = open_backend("local", migrated).services.list_services()
        changed = deploy(open_backend("local", migrated), "qa", images[before.model_version - 1])
        assert before.changes == changed.changes == (f"service_workers 2 (was {workers})",)
        assert (changed.workers, changed.url) == (2, service.url)
    finally:
        for client in clients:
            client.ended = True
        for client in clients:
            client.join(60)
        backend.services.stop("qa")
    for client in clients:
        assert client.answers.keys() == {'{"result":[1.0]}', '{"result":[2.0]}'}
        assert client.answers.total() > count
