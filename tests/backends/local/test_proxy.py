"""The configuration of nginx in docs/operations.md, with a real nginx in front of a service."""

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from tiny_model import deploy, publish

from mlops.backends import open_backend
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
USER = "user root;" if os.geteuid() == 0 else ""  # otherwise, nginx cannot write to the folders of a test
MAIN = "pid {0}/pid; error_log {0}/log; events {{}} http {{ access_log off; client_body_temp_path {0}/body; {1} }}"


@contextmanager
def start_nginx(project: Path, folder: Path, port: int) -> Iterator[str]:
    """Start nginx as the manual configures it, in front of the service on a port, and yield its address."""
    found = re.search(r"```nginx\n(.*?)```", (project / "docs/operations.md").read_text(), re.DOTALL)
    assert found
    assert NGINX, "nginx is missing: apt-get install nginx-light"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", "scoring.key", "-out", "scoring.pem"]
    subprocess.run([*make, *names], cwd=folder, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = free.getsockname()[1]
    text = found[1].replace("/etc/ssl/", f"{folder}/").replace("listen 443", f"listen 127.0.0.1:{own}")
    (folder / "nginx.conf").write_text(USER + MAIN.format(folder, text.replace("127.0.0.1:8000", f"127.0.0.1:{port}")))
    process = subprocess.Popen([NGINX, "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off;"])
    try:
        while socket.socket().connect_ex(("127.0.0.1", own)):
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield f"https://localhost:{own}"
    finally:
        process.terminate()
        process.wait(20)


def test_the_service_answers_behind_nginx(migrated: Workspace, project: Path, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    images = [publish(backend, tmp_path, number) for number in (1.0, 2.0)]
    service = deploy(backend, "qa", images[0])
    keys = {"Authorization": f"Bearer {backend.secrets.get_keys('qa')[0]}"}
    statuses: Counter[int | str] = Counter()
    ended = threading.Event()

    def send(url: str) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.verify, session.headers = str(tmp_path / "scoring.pem"), keys
            while not ended.is_set():
                statuses[session.post(f"{url}/score", json={"data": [[1.0]]}, timeout=30).status_code] += 1

    try:
        with start_nginx(project, tmp_path, int(service.url.rpartition(":")[2])) as url:
            clients = [threading.Thread(target=send, args=[url]) for _ in range(4)]
            for client in clients:
                client.start()
            for number in range(10):
                deploy(backend, "qa", images[number % 2], force=True)
                time.sleep(0.7)
            ended.set()
            for client in clients:
                client.join(60)
            with requests.Session() as session:
                session.trust_env = False
                session.verify, session.headers = str(tmp_path / "scoring.pem"), keys
                large = session.post(f"{url}/score", json={"data": [[1.0]] * 45_000}, timeout=60)
                document = session.post(f"{url}/score", json={"data": [["x"]]}, timeout=60)
                metrics = session.get(f"{url}/metrics", timeout=60)
    finally:
        ended.set()
        backend.services.stop("qa")
    assert statuses.keys() == {200}
    assert statuses.total() > 100
    assert len(large.json()["result"]) == 45_000
    assert (document.status_code, document.json()["column"]) == (422, "a")
    assert metrics.status_code == 403
