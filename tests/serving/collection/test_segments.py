"""Segments: closed once, recovered after a crash, and never read beyond what is valid."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from collected import IDENTITY, NOON, Collection, add, list_requests, read_local

from mlops.serving.collection.frames import encode_frame
from mlops.serving.collection.layout import FORMAT, Header, UnknownFormat, encode_header
from mlops.serving.collection.segments import (
    CLOSED,
    DAMAGED,
    OPEN,
    decode_segment,
    find_day,
    list_segments,
    measure_segments,
    name_segment,
    recover_orphans,
)

WORKER = """
import sys
from pathlib import Path
from collected import Collection, add
collector = Collection(Path(sys.argv[1])).open()
for number in range(3):
    add(collector, f"request-{number}", f"other-{number}")
print("written", flush=True)
sys.stdin.read()
"""


def test_the_size_of_a_folder_is_that_of_its_segments(tmp_path: Path) -> None:
    for size, ending in ((1, OPEN), (20, CLOSED), (300, CLOSED), (4000, DAMAGED)):
        (tmp_path / f"{name_segment(NOON)}{ending}").write_bytes(b"x" * size)
    for name in (f".{name_segment(NOON)}.new", "lock", "close", f"other{CLOSED}", f"{name_segment(NOON)}.gz"):
        (tmp_path / name).write_bytes(b"x" * 50_000)
    assert measure_segments(tmp_path) == 4321
    assert measure_segments(tmp_path / "missing") == 0


def test_a_name_has_the_time_and_the_day_and_is_never_used_twice() -> None:
    first, second = name_segment(NOON), name_segment(NOON)
    assert first.startswith("20261127T120000.000000Z-")
    assert first != second
    assert find_day(first) == "2026-11-27"
    assert find_day("notes") == ""


def test_the_header_describes_the_segment(tmp_path: Path) -> None:
    collector = Collection(tmp_path).open(omitted=("b",), hashed=("c",), key="k", share=1.0)
    add(collector, "r1")
    (segment,) = read_local(tmp_path)
    header = segment.header
    assert (header.model, header.version, header.digest) == (IDENTITY.model, IDENTITY.version, IDENTITY.digest)
    assert (header.started, header.worker, header.format) == (NOON, str(os.getpid()), FORMAT)
    assert [(column.name, column.kind, column.treatment) for column in header.columns] == [
        ("a", "number", "kept"),
        ("b", "number", "omitted"),
        ("c", "number", "hashed"),
    ]


def test_a_turn_is_one_frame_and_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collector = Collection(tmp_path).open()
    add(collector, "r1")
    written: list[int] = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, content: (written.append(handle), write(handle, content))[1])
    add(collector, *(f"r{number}" for number in range(2, 30)))
    assert len(written) == 1
    (segment,) = read_local(tmp_path)
    assert [len(turn.records) for turn in segment.turns] == [1, 28]


def test_closing_renames_the_file_and_an_empty_segment_is_deleted(tmp_path: Path) -> None:
    collector = Collection(tmp_path).open()
    collector.close()
    assert list(tmp_path.iterdir()) == []
    add(collector, "r1")
    (path,) = list_segments(tmp_path, OPEN)
    collector.close()
    (closed,) = tmp_path.iterdir()
    assert closed.name == path.stem + CLOSED
    assert closed.stat().st_mode & 0o777 == 0o600  # other users must not read the rows


def test_a_worker_that_lives_keeps_its_segment(tmp_path: Path) -> None:
    collector = Collection(tmp_path).open()
    add(collector, "r1")
    assert recover_orphans(tmp_path) == []
    add(collector, "r2")
    collector.close()
    assert list_requests(read_local(tmp_path, CLOSED)) == ["r1", "r2"]


@pytest.mark.parametrize("tail", [b"", b"\x00" * 5000, encode_frame(b"torn" * 99)[:-1], b"\xf5MLC"])
def test_the_segment_of_a_killed_worker_is_recovered_up_to_the_torn_frame(tmp_path: Path, tail: bytes) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "support")},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"written\n"
    assert recover_orphans(tmp_path) == []
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (path,) = list_segments(tmp_path, OPEN)
    with path.open("ab") as file:
        file.write(tail)
    (found,) = recover_orphans(tmp_path)
    segment = decode_segment(found.read_bytes())
    assert segment is not None
    assert segment.is_whole
    assert list_requests([segment]) == [f"{name}-{number}" for number in range(3) for name in ("request", "other")]
    assert recover_orphans(tmp_path) == []


def test_an_orphan_without_records_is_deleted(tmp_path: Path) -> None:
    header = Header(model="m", version="1", digest="d", worker="w", started=NOON, columns=())
    for content in (b"", encode_frame(encode_header(header)), b"\x00" * 100):
        (tmp_path / f"{name_segment(NOON)}{OPEN}").write_bytes(content)
    left = tmp_path / f".{name_segment(NOON)}.new"
    left.write_bytes(b"")
    assert recover_orphans(tmp_path, now=left.stat().st_mtime) == []
    assert list(tmp_path.iterdir()) == [left]
    assert recover_orphans(tmp_path, now=left.stat().st_mtime + 61) == []
    assert list(tmp_path.iterdir()) == []


def test_a_segment_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    header = Header(format=FORMAT + 1, model="m", version="1", digest="d", worker="w", started=NOON, columns=())
    with pytest.raises(UnknownFormat, match=f"has format {FORMAT + 1}, but this version reads format {FORMAT}"):
        decode_segment(encode_frame(msgspec.msgpack.encode(header)))
