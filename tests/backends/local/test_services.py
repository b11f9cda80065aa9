"""Services of one machine: processes, ports, packages, keys."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests
from ingestion import open_ingestion
from tiny_model import SCRIPT, ask, deploy, make_bundle, publish

from mlops.backends import open_backend
from mlops.backends.local.services import site
from mlops.backends.local.services.deployments import LocalState
from mlops.backends.local.services.processes import end_servers, find_servers, is_listening
from mlops.backends.local.services.site import LocalSite
from mlops.errors import DeploymentError, ServiceTestFailed, ServiceUntestedError
from mlops.files.atomic import make_new_folder
from mlops.release.keys import read_keys
from mlops.release.service_checks import check_predictions, conclude_test
from mlops.workspace import Workspace


def test_a_service_ends_when_its_starter_dies_before_it_is_recorded(migrated: Workspace, tmp_path: Path) -> None:
    from mlops.backends.local.services.processes import start_process, wait_ready

    backend = open_backend("local", migrated)
    image = publish(backend, tmp_path)
    bundle = Path(image.url.removeprefix("file://"))
    backend.secrets.get_keys("qa")
    keys = migrated.home / "secrets" / "qa-keys.json"
    popen, ready = start_process(Path(sys.executable), bundle, keys, 0, make_new_folder(tmp_path, "service"))
    process = wait_ready(popen, ready, 30, image.name)
    assert process.alive
    popen.stdin.close()  # type: ignore[union-attr]  # what happens when the starter dies
    assert popen.wait(10) == 0


def test_a_failed_test_quotes_the_log_of_the_service(migrated: Workspace, tmp_path: Path) -> None:
    """The answer to the client only says that the log has the reason."""
    backend = open_backend("local", migrated)
    script = SCRIPT.replace("data[:, 0] * 0 + number", "data[:, 0] + (data[:, 0] == 2) * 1e308 * 10")
    service = deploy(backend, "qa", publish(backend, tmp_path, script=script))
    try:
        key = backend.secrets.get_keys("qa")[0]
        checks = check_predictions(service.url, key, [[2.0]], [1.0])
        with pytest.raises(
            ServiceTestFailed,
            match=r"(?s)log says why.*The end of .*/service.log:\n.*run returned a number that is not",
        ):
            conclude_test(backend.services, "qa", service.digest, service.url, checks)
    finally:
        backend.services.stop("qa")


def test_a_port_that_somebody_else_has_is_refused(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = publish(open_backend("local", migrated), tmp_path)
    other = open_backend("local", Workspace(migrated.project, tmp_path / "other", migrated.outputs))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    port = int(deploy(other, "qa", publish(other, folder)).url.rsplit(":", 1)[1])
    monkeypatch.setenv("MLOPS_LOCAL_QA_PORT", str(port))
    try:
        with pytest.raises(
            DeploymentError, match=f"^MLOPS_LOCAL_QA_PORT is {port}, but another program uses this port"
        ):
            deploy(open_backend("local", migrated), "qa", image)
    finally:
        other.services.stop("qa")


def test_an_image_whose_packages_are_not_installed_is_refused(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = open_backend("local", migrated)
    image = publish(backend, tmp_path)
    model = backend.registry.get_version("tiny", image.model_version)
    bundle = make_bundle(tmp_path, model, 1.0, pins=["numpy==0.0.1"])
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(DeploymentError, match=r"needs packages that are not installed here: numpy==0\.0\.1\. They"):
        deploy(backend, "qa", backend.images.publish(bundle, model))


@pytest.mark.parametrize("case", ["an older file", "no file"])
def test_keys_that_the_service_refuses_are_not_given_out(migrated: Workspace, tmp_path: Path, case: str) -> None:
    """The time of the file does not help, because a file restored with ``cp -p`` is older than the service."""
    backend = open_backend("local", migrated)
    image = publish(backend, tmp_path)
    old = backend.secrets.get_keys("qa")
    keys = migrated.home / "secrets" / "qa-keys.json"
    shutil.copy2(keys, tmp_path / "old.json")
    os.utime(tmp_path / "old.json", (0, 0))
    try:
        deploy(backend, "qa", image)
        backend.services.rotate_keys("qa")
        keys.unlink()
        if case == "an older file":
            shutil.copy2(tmp_path / "old.json", keys)
        with pytest.raises(ServiceUntestedError, match="in qa was started with keys .*`mlops keys qa --rotate`"):
            read_keys(backend.secrets, backend.services, "qa")
        assert keys.exists() == (case == "an older file")
        assert ask(backend, deploy(backend, "qa", image)) == 1.0  # restarted with the stored keys
        if case == "an older file":
            assert read_keys(backend.secrets, backend.services, "qa") == old
        keys.unlink()
        backend.services.rotate_keys("qa")
        assert not {*read_keys(backend.secrets, backend.services, "qa")} & {*old}
        (service,) = backend.services.list_services()
        assert ask(backend, service) == 1.0
    finally:
        backend.services.stop("qa")


class Killed(BaseException):
    """Simulates `kill -9` during a deployment, after which nothing is rolled back."""


@pytest.mark.parametrize("fixed", [False, True], ids=["any port", "a port in the settings"])
def test_a_deployment_that_was_killed_before_the_old_service_ended_keeps_the_url(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fixed: bool
) -> None:
    backend = open_backend("local", migrated)
    old = deploy(backend, "qa", publish(backend, tmp_path))
    if fixed:
        monkeypatch.setenv("MLOPS_LOCAL_QA_PORT", old.url.rpartition(":")[2])
        backend = open_backend("local", migrated)
    image = publish(backend, tmp_path, 2.0)

    def die(self: LocalSite, state: object) -> None:
        assert self._started is not None
        assert self._started.stdin is not None
        self._started.stdin.close()
        self._started.wait()
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(LocalSite, "retire", die)
        with pytest.raises(Killed):
            deploy(backend, "qa", image)
    try:
        assert ask(backend, old) == 1.0
        again = deploy(backend, "qa", image)
        assert again.url == old.url
    finally:
        backend.services.stop("qa")


def test_an_interrupted_deployment_is_forgotten_although_it_was_written(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = open_backend("local", migrated)
    old = deploy(backend, "qa", publish(backend, tmp_path))
    image = publish(backend, tmp_path, 2.0)
    write = LocalSite.write

    def interrupt(self: LocalSite, state: LocalState) -> None:
        monkeypatch.undo()
        write(self, state)
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalSite, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        deploy(backend, "qa", image)
    try:
        (service,) = backend.services.list_services()
        assert (service.digest, service.health, ask(backend, service)) == (old.digest, "healthy", 1.0)
    finally:
        backend.services.stop("qa")


def test_a_copied_home_does_not_end_the_services_of_the_original(migrated: Workspace, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    service = deploy(backend, "qa", publish(backend, tmp_path))
    shutil.copytree(migrated.home, tmp_path / "copied")
    copy = open_backend("local", Workspace(migrated.project, tmp_path / "copied", migrated.outputs))
    try:
        (found,) = copy.services.list_services()
        assert (found.health, found.condition, found.original) == ("stopped", "not running here", str(migrated.home))
        assert not copy.services.stop("qa")
        assert ask(backend, service) == 1.0
    finally:
        backend.services.stop("qa")


def test_a_service_that_never_ran_in_this_home_is_told_from_a_stopped_one(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = open_backend("local", migrated)
    deploy(backend, "qa", publish(backend, tmp_path))

    def look(home: Path) -> tuple[str, str]:
        (found,) = open_backend("local", Workspace(migrated.project, home, migrated.outputs)).services.list_services()
        return found.condition, found.original

    shutil.copytree(migrated.home, tmp_path / "while it ran")
    (process,) = find_servers(migrated.home / "services" / "qa")
    process.kill()
    process.wait()
    home = str(migrated.home)
    assert look(migrated.home) == ("stopped", "")
    assert look(tmp_path / "while it ran") == ("not running here", home)
    monkeypatch.setattr(site, "identify_machine", lambda: "another")
    assert look(migrated.home) == ("not running here", f"{home} on another machine")
    monkeypatch.undo()
    backend.services.stop("qa")
    shutil.copytree(migrated.home, tmp_path / "after it was stopped")
    assert look(tmp_path / "after it was stopped") == ("stopped", "")


def test_a_copy_of_an_older_home_names_the_original_while_that_serves(migrated: Workspace, tmp_path: Path) -> None:
    """Older records do not say where a server was started, but its command line does."""
    backend = open_backend("local", migrated)
    deploy(backend, "qa", publish(backend, tmp_path))
    shutil.copytree(migrated.home, tmp_path / "copied")
    record = tmp_path / "copied" / "services" / "qa.json"
    content = json.loads(record.read_text())
    for name in ("home", "machine"):
        del content["current"][name]
    record.write_text(json.dumps(content))
    copy = open_backend("local", Workspace(migrated.project, tmp_path / "copied", migrated.outputs))
    try:
        assert [found.original for found in copy.services.list_services()] == [str(migrated.home)]
    finally:
        backend.services.stop("qa")
    assert [found.condition for found in copy.services.list_services()] == ["stopped"]


def test_a_damaged_ready_file_does_not_stand_in_the_way(migrated: Workspace, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    folder = make_new_folder(migrated.home / "services" / "qa", "cut-off")
    (folder / "ready.json").write_text("")
    assert ask(backend, deploy(backend, "qa", publish(backend, tmp_path))) == 1.0
    backend.services.stop("qa")


def test_a_service_knows_the_age_of_its_model_and_reports_to_application_insights(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.time()
    with open_ingestion() as ingestion:
        monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", ingestion.connection_string)
        monkeypatch.setenv("MLOPS_LOCAL_TELEMETRY_SHARE", "1")
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")  # does not apply to http
        backend = open_backend("local", migrated)
        service = deploy(backend, "qa", publish(backend, tmp_path))
        try:
            assert ask(backend, service) == 1.0
            headers = {"Authorization": f"Bearer {backend.secrets.get_keys('qa')[0]}"}
            page = requests.get(f"{service.url}/metrics", headers=headers, timeout=60).text
            (supervisor,) = find_servers(migrated.home / "services" / "qa")
            (sender,) = (child for child in supervisor.children() if "serving.telemetry" in child.cmdline())
            proxy = sender.environ().get("HTTPS_PROXY")
        finally:
            backend.services.stop("qa")
        ingestion.wait(lambda: bool(ingestion.find("MetricData", "mlops_model_age_seconds")))
    age = next(float(line.split()[1]) for line in page.splitlines() if line.startswith("mlops_model_age_seconds "))
    assert 0 < age < time.time() - began + 1
    assert {item["tags"]["ai.cloud.role"] for item in ingestion.items} == {"tiny-qa"}
    assert proxy == "http://proxy.example.com:3128"


def test_a_service_that_died_is_started_again_at_its_address(migrated: Workspace, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    assert backend.processes
    service = deploy(backend, "qa", publish(backend, tmp_path))
    backend.services.record_test("qa", service.digest, passed=True)
    try:
        assert (backend.services.start("qa"), backend.processes.find_state("qa")) == (None, "running")
        (supervisor,) = find_servers(migrated.home / "services" / "qa")
        workers = supervisor.children()
        supervisor.kill()
        psutil.wait_procs([supervisor, *workers], 30)
        assert [found.health for found in backend.services.list_services()] == ["stopped"]
        assert backend.processes.find_state("qa") == "died"
        started = backend.services.start("qa")
        (again,) = backend.services.list_services()
        assert started == again
        assert (again.url, again.deployed, again.tested, again.health) == (
            service.url,
            service.deployed,
            "passed",
            "healthy",
        )
        assert (again.runtime, again.workers, again.restarts, ask(backend, again)) == ("script", 1, 0, 1.0)
        told = {"image": again.image, "digest": again.digest, "model_name": "tiny", "model_version": 1}
        assert requests.get(again.url, timeout=10).json() == {"status": "ready", **told, "runtime": "script"}
        assert backend.logs
        ready = f"{again.image} is ready ({again.digest}, runtime: script)."
        assert ready in backend.logs.read_log("qa", 1)[0]
        assert ready in next(backend.logs.follow_log("qa", 1))
    finally:
        backend.services.stop("qa")
    assert backend.processes.find_state("qa") == "stopped"


def test_a_service_that_is_stopped_did_not_die(migrated: Workspace, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    deploy(backend, "qa", publish(backend, tmp_path))

    def wait() -> str:
        assert backend.processes
        while (state := backend.processes.find_state("qa")) == "running":
            time.sleep(0.001)
        return state

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        backend.services.stop("qa")
        assert waiting.result() == "stopped"


@pytest.mark.parametrize("damaged", ["qa.json", "qa/*/ready.json"])
def test_a_service_whose_files_are_damaged_can_be_stopped(migrated: Workspace, tmp_path: Path, damaged: str) -> None:
    """The service has ended when `stop` returns, not a few seconds later."""
    backend = open_backend("local", migrated)
    service = deploy(backend, "qa", publish(backend, tmp_path))
    for path in (migrated.home / "services").glob(damaged):
        path.write_bytes(b"\x80")
    assert backend.services.stop("qa")
    assert not is_listening(int(service.url.rpartition(":")[2]))
    assert not backend.services.stop("qa")


def test_a_server_that_does_not_end_is_killed_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("STOP_SECONDS", 0.5), ("KILL_SECONDS", 0.1)):
        monkeypatch.setattr(f"mlops.backends.local.services.processes.{name}", seconds)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as popen:
        assert popen.stdout is not None
        popen.stdout.readline()
        found = psutil.Process(popen.pid)
        with monkeypatch.context() as patched:
            patched.setattr(psutil.Process, "kill", lambda self: None)
            with pytest.raises(
                DeploymentError, match=f"Process {popen.pid} of the service did not end. End it as the user"
            ):
                end_servers([found])
        end_servers([found])
        assert popen.poll() is not None


def test_a_server_whose_parent_does_not_read_its_exit_code_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """`mlops start --foreground` is such a parent while a release replaces its server."""
    monkeypatch.setattr("mlops.backends.local.services.processes.STOP_SECONDS", 60)
    parent = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as popen:
        assert popen.stdout is not None
        server = psutil.Process(int(popen.stdout.readline()))
        ended = threading.Thread(target=end_servers, args=[[server]])
        ended.start()
        ended.join(20)
        popen.kill()
        assert not ended.is_alive()
