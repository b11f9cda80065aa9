"""Faults of the machine and of the blob store while requests are collected."""

import re
import shutil
import subprocess
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from collected import read_uploads
from collecting_server import Load, Server, check_uploads
from doubles.azure.azurite import Azurite
from waiting import wait_until

from mlops.serving.collection.segments import CLOSED, OPEN, list_segments

# A library that replaces the clock of a process: to its time, it adds the seconds in a file.
CLOCK = """
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *found) {
    int code = syscall(SYS_clock_gettime, clock, found);
    long seconds = 0;
    FILE *file = clock == CLOCK_REALTIME ? fopen(getenv("CLOCK_OFFSET"), "r") : NULL;
    if (file) {
        if (fscanf(file, "%ld", &seconds) == 1) found->tv_sec += seconds;
        fclose(file);
    }
    return code;
}
"""
CONTAINER = "collected"


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cc"), reason="the library that sets the clock needs a compiler")
def test_a_clock_that_is_set_back_under_load_loses_nothing(tmp_path: Path) -> None:
    library, offset = tmp_path / "clock.so", tmp_path / "offset"
    (tmp_path / "clock.c").write_text(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "clock.c"], check=True)
    offset.write_text("0")
    server, load = Server(tmp_path, url=str(tmp_path / "up")), Load()
    load.port = server.start(LD_PRELOAD=str(library), CLOCK_OFFSET=str(offset))
    try:
        for seconds in (0, -3600, -30 * 86400, 86400, 0):
            offset.write_text(str(seconds))
            load.wait()
            time.sleep(0.5)
    finally:
        load.end()
        server.stop()
    check_uploads(load, str(tmp_path / "up"))
    assert load.refused == {}
    days = {name.split("/")[2] for name in read_uploads(str(tmp_path / "up"))}
    assert days >= {str((datetime.now(UTC) - timedelta(days=30)).date()), str(datetime.now(UTC).date())}


@pytest.mark.slow
def test_a_blob_store_that_does_not_answer_during_the_load_costs_nothing(tmp_path: Path, azurite: Azurite) -> None:
    url, storage = f"az://{CONTAINER}/hangs", {"connection_string": azurite.connection_string}
    azurite.make_container(CONTAINER)
    server, load = Server(tmp_path, url=url, storage=storage), Load()
    with azurite.freeze():
        load.port = server.start()
        wait_until(lambda: "The store for uploads has not answered for 5 s." in server.log.read_text())
        load.end()
        assert len(list_segments(server.segments, OPEN, CLOSED)) > 5
    server.stop()
    assert load.refused == {}
    check_uploads(load, url, storage)


@pytest.mark.slow
def test_a_blob_store_that_refuses_connections_during_the_load_costs_nothing(tmp_path: Path, azurite: Azurite) -> None:
    url, storage = f"az://{CONTAINER}/refuses", {"connection_string": azurite.connection_string}
    azurite.make_container(CONTAINER)
    closed = {"connection_string": storage["connection_string"].replace(f":{urlsplit(azurite.url).port}/", ":9/")}
    server, load = Server(tmp_path, url=url, storage=closed), Load()
    load.port = server.start()
    began = time.monotonic()
    wait_until(lambda: "The upload failed and will be retried in 2 s: ServiceRequestError" in server.log.read_text())
    assert time.monotonic() - began < 30  # without our limit, the SDK of Azure retries for a minute before
    wait_until(lambda: len(list_segments(server.segments, OPEN, CLOSED)) > 5)
    load.end()
    assert load.refused == {}
    server.kill()
    for uploader in server.find_uploaders():
        with suppress(psutil.NoSuchProcess):  # it ends after its server
            uploader.kill()
    assert "Request URL" not in server.log.read_text()
    server.change_settings(storage=storage)
    assert re.search(r'"Uploaded segments: \d+."', server.upload())
    check_uploads(load, url, storage)
