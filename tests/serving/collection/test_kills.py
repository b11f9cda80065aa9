"""Nothing that was acknowledged is lost, and nothing is collected twice, however often the server is killed."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from collected import list_requests, read_uploads
from collecting_server import Load, Server, check_uploads
from waiting import wait_until

from mlops.serving.collection.segments import CLOSED, OPEN, list_segments
from mlops.serving.collection.uploader import BYTES, DONE, UPLOADS
from mlops.serving.metrics.tally import read_tally
from mlops.serving.workers.record import read_workers
from mlops.serving.workers.starting import METRICS


@pytest.mark.parametrize(("kills", "workers"), [(3, 1), pytest.param(20, 2, marks=pytest.mark.slow)])
def test_a_server_that_is_killed_under_load_loses_nothing(tmp_path: Path, kills: int, workers: int) -> None:
    server, load = Server(tmp_path, url=str(tmp_path / "up")), Load()
    try:
        for _ in range(kills):
            load.port = server.start(workers)
            load.wait()
            server.kill()
        load.port = server.start(workers)
        load.wait()
    finally:
        load.end()
        server.stop()
    check_uploads(load, str(tmp_path / "up"))
    assert load.refused == {}
    assert list_segments(server.segments, OPEN, CLOSED) == []


@pytest.mark.parametrize(("kills", "workers"), [(1, 1), pytest.param(20, 2, marks=pytest.mark.slow)])
def test_a_worker_that_is_killed_under_load_is_restarted_and_loses_nothing(
    tmp_path: Path, kills: int, workers: int
) -> None:
    server, load = Server(tmp_path, url=str(tmp_path / "up")), Load()
    load.port = server.start(workers)
    # The settings of a deployment that failed, because the model has no such column.
    server.change_settings(omitted=("unknown",))
    try:
        for _ in range(kills):
            load.wait()
            server.kill_worker()
        load.wait()
    finally:
        load.end()
        server.stop()
    uploads = read_tally(server.log.parent / METRICS / UPLOADS)
    assert uploads[DONE] == len(read_uploads(str(tmp_path / "up")))
    assert uploads[BYTES] > 0
    check_uploads(load, str(tmp_path / "up"))
    assert load.refused == {}


@pytest.mark.parametrize(("kills", "workers"), [(2, 1), pytest.param(20, 2, marks=pytest.mark.slow)])
def test_an_uploader_that_is_killed_under_load_is_started_again_and_uploads_each_segment_once(
    tmp_path: Path, kills: int, workers: int
) -> None:
    server, load = Server(tmp_path, url=str(tmp_path / "up")), Load()
    load.port = server.start(workers)
    try:
        for _ in range(kills):
            wait_until(lambda: bool(server.find_uploaders()))
            load.wait()
            for process in server.find_uploaders():
                os.kill(process.pid, signal.SIGKILL)
            wait_until(lambda: not server.find_uploaders())
    finally:
        load.end()
        server.stop()
    assert read_workers(server.log.parent).uploads >= kills
    server.upload()
    check_uploads(load, str(tmp_path / "up"))


@pytest.mark.slow
def test_a_store_that_is_unavailable_during_the_load_costs_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "up"
    blocked.write_text("a file where the folder must be")
    server, load = Server(tmp_path, url=str(blocked)), Load()
    load.port = server.start()
    time.sleep(4)
    load.end()
    assert "The upload failed and will be retried" in server.log.read_text()
    assert len(list_segments(server.segments, OPEN, CLOSED)) > 5
    blocked.unlink()
    server.stop()
    check_uploads(load, str(tmp_path / "up"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
@pytest.mark.parametrize("policy", ["refuse", pytest.param("drop", marks=pytest.mark.slow)])
def test_a_full_disk_refuses_requests_or_drops_rows_but_loses_nothing_that_it_promised(
    tmp_path: Path, policy: str
) -> None:
    disk = tmp_path / "segments"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=True)
    try:
        server, load = Server(tmp_path, policy=policy), Load()
        load.port = server.start()
        wait_until(lambda: load.refused[503] > 20 or (policy == "drop" and "was deleted" in server.log.read_text()))
        load.end()
        subprocess.run(["mount", "-o", "remount,size=50m", disk], check=True)
        server.stop()
        server.change_settings(url=str(tmp_path / "up"))
        server.upload()
    finally:
        subprocess.run(["umount", disk], check=True)
    found = list_requests([*read_uploads(str(tmp_path / "up")).values()])
    assert len(found) == len({*found})
    if policy == "refuse":
        assert {*found} >= {*load.answered}
    else:
        assert load.refused == {}
        assert "rows was deleted" in server.log.read_text()
