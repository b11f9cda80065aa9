"""The upload: each segment once, under the same name each time, and nothing is deleted before it is stored."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from collected import DAY, Collection, add, list_requests, read_uploads
from fsspec.implementations.memory import MemoryFileSystem
from waiting import wait_until

from mlops.serving.collection import __main__ as program
from mlops.serving.collection.__main__ import describe_error, try_upload, upload_last, upload_once, upload_until_closed
from mlops.serving.collection.children import UploaderProcess
from mlops.serving.collection.distributions import DistributionCounter
from mlops.serving.collection.segments import CLOSED, DAMAGED, list_segments
from mlops.serving.collection.settings import Settings
from mlops.serving.collection.stores import FolderStore, name_version, open_store, split_upload, warn_if_slow
from mlops.serving.collection.uploader import BYTES, DONE, FAILED, SLOW, UPLOADS, Uploader
from mlops.serving.metrics.tally import Tally, read_tally


@pytest.fixture(params=["folder", "file", "memory", "local"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of each kind of store that needs no server."""
    memory = MemoryFileSystem()
    yield {
        "folder": str(tmp_path / "up loads"),
        "file": (tmp_path / "up loads").as_uri(),
        "memory": "memory://container/path",
        "local": f"local://{tmp_path}/up loads",
    }[request.param]
    memory.store.clear()


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """A folder with three closed segments, which have three requests altogether."""
    collection = Collection(tmp_path / "segments", options={"segment_seconds": 1.0})
    collector = collection.open()
    for name in ("r1", "r2", "r3"):
        add(collector, name)
        collection.clock.advance(2)
        collector.tick()
    assert len(list_segments(collection.folder, CLOSED)) == 3
    return collection


def make_uploader(collection: Collection, url: str, today: date = DAY, **options: Any) -> Uploader:
    """Make an uploader on a day."""
    return Uploader(Settings(folder=str(collection.folder), url=url, **options), lambda: today)


def measure(folder: Path) -> int:
    """Return the size of all uploads in a folder, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*.segment.gz"))


def test_segments_go_to_the_folder_of_their_version_and_day(collection: Collection, url: str) -> None:
    names = [path.stem for path in list_segments(collection.folder, CLOSED)]
    assert make_uploader(collection, url).run() == 3
    uploads = read_uploads(url)
    assert sorted(uploads) == [f"churn/3/2026-11-27/{name}.segment.gz" for name in names]
    assert sorted(list_requests([*uploads.values()])) == ["r1", "r2", "r3"]
    assert list_segments(collection.folder, CLOSED) == []
    assert make_uploader(collection, url).run() == 0


def test_an_upload_that_was_interrupted_before_the_deletion_is_repeated_under_the_same_name(
    collection: Collection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def fail(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == CLOSED:
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", fail)
        with pytest.raises(KeyboardInterrupt):
            make_uploader(collection, url).run()
    assert len(list_segments(collection.folder, CLOSED)) == 3
    before = {name: open_store(url).read(name) for name in read_uploads(url)}
    assert len(before) == 1
    make_uploader(collection, url).run()
    assert sorted(list_requests([*read_uploads(url).values()])) == ["r1", "r2", "r3"]
    assert before.items() <= {name: open_store(url).read(name) for name in read_uploads(url)}.items()


def test_a_store_that_is_unavailable_deletes_nothing(collection: Collection, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where the folder must be")
    with pytest.raises(OSError, match="blocked"):
        make_uploader(collection, str(tmp_path / "blocked")).run()
    assert len(list_segments(collection.folder, CLOSED)) == 3


def test_a_write_that_fails_leaves_no_part_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError("no")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no"):
        FolderStore(tmp_path).write("a/b.segment.gz", b"content")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_write_that_is_killed_leaves_nothing_after_the_next_attempt(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", fail)
        patched.setattr(Path, "unlink", fail)
        with pytest.raises(KeyboardInterrupt):
            make_uploader(collection, str(tmp_path / "up")).run()
    assert len([*tmp_path.glob("up/**/.*")]) == 1
    make_uploader(collection, str(tmp_path / "up")).run()
    assert [*tmp_path.glob("up/**/.*")] == []


def test_rows_whose_values_cannot_be_counted_are_uploaded(collection: Collection, tmp_path: Path) -> None:
    class FullDisk(DistributionCounter):
        def __init__(self) -> None:
            pass

        def count(self, paths: Iterable[Path], now: float | None = None) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    settings = Settings(folder=str(collection.folder), url=str(tmp_path / "up"))
    assert Uploader(settings, lambda: DAY, FullDisk()).run() == 3


def test_old_uploads_are_deleted_even_if_new_ones_fail(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(store: FolderStore, name: str, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    url = str(tmp_path / "up")
    make_uploader(collection, url).run()
    collection.clock.advance(31 * 86400)
    collector = collection.open()
    add(collector, "r4")
    collector.close()
    monkeypatch.setattr(FolderStore, "write", fail)
    with pytest.raises(OSError, match="No space"):
        make_uploader(collection, url, date(2026, 12, 28), retention_days=30).run()
    assert read_uploads(url) == {}


def test_a_damaged_segment_is_uploaded_up_to_the_damage_and_kept(
    collection: Collection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, _ = list_segments(collection.folder, CLOSED)
    with first.open("ab") as file:
        file.write(b"\x00" * 100)
    second.write_bytes(b"\x00" * 100)
    make_uploader(collection, str(tmp_path / "up")).run()
    assert sorted(list_requests([*read_uploads(str(tmp_path / "up")).values()])) == ["r1", "r3"]
    assert list_segments(collection.folder, DAMAGED) == [path.with_suffix(DAMAGED) for path in (first, second)]
    assert f"{second} is damaged after byte 0" in caplog.text


def test_old_uploads_and_segments_are_deleted(collection: Collection, url: str) -> None:
    make_uploader(collection, url).run()
    open_store(url).write("churn/3/2026-11-27/notes.segment.gz", b"of another program")
    add(Collection(collection.folder).open(), "r4")
    for today, left in ((date(2026, 12, 27), 4), (date(2026, 12, 28), 1)):
        make_uploader(collection, url, today, retention_days=30).run()
        assert len([*open_store(url).list_names()]) == left
    assert [*open_store(url).list_names()] == ["churn/3/2026-11-27/notes.segment.gz"]


def test_without_a_url_segments_stay_until_they_are_old(collection: Collection) -> None:
    make_uploader(collection, "", date(2026, 12, 27), retention_days=30).run()
    assert len(list_segments(collection.folder, CLOSED)) == 3
    make_uploader(collection, "", date(2026, 12, 28), retention_days=30).run()
    assert list_segments(collection.folder, CLOSED) == []


def test_uploads_bytes_and_failed_attempts_are_counted(collection: Collection, tmp_path: Path) -> None:
    tally, blocked = Tally(tmp_path / UPLOADS), tmp_path / "up"
    blocked.write_text("a file where the folder must be")
    uploader = Uploader(Settings(folder=str(collection.folder), url=str(blocked)), lambda: DAY, tally=tally)
    try_upload(uploader, 1.0)
    blocked.unlink()
    try_upload(uploader, 1.0)
    assert read_tally(tmp_path / UPLOADS) == {FAILED: 1, DONE: 3, BYTES: measure(blocked)}


def test_names_of_models_are_safe_as_folders(tmp_path: Path) -> None:
    assert name_version("a/../b", "1") == "a%2F..%2Fb/1"
    assert split_upload("churn/3/2026-11-27/x.segment.gz") == ("churn/3", "2026-11-27", "x")


def start(collection: Collection, tmp_path: Path, **options: Any) -> UploaderProcess:
    """Start the uploader as a service does."""
    file = tmp_path / "settings.json"
    file.write_bytes(msgspec.json.encode(Settings(folder=str(collection.folder), **options)))
    return UploaderProcess(file)


def test_the_program_uploads_and_ends_with_its_parent_after_a_last_upload(
    collection: Collection, tmp_path: Path
) -> None:
    url = (tmp_path / "up").as_uri()
    child = start(collection, tmp_path, url=url)
    wait_until(lambda: len(read_uploads(url)) == 3)
    collector = collection.open()
    add(collector, "r4")
    collector.close()
    child.close()
    assert child._process is not None
    assert child._process.wait(30) == 0
    assert sorted(list_requests([*read_uploads(url).values()])) == ["r1", "r2", "r3", "r4"]


def test_only_one_uploader_of_a_folder_is_active_and_the_next_one_takes_over(
    collection: Collection, tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    first = start(collection, tmp_path, url=str(one))
    wait_until(lambda: len(read_uploads(str(one))) == 3)
    second = start(collection, tmp_path, url=str(two))
    collector = collection.open()
    add(collector, "r4")
    collector.close()
    wait_until(lambda: len(read_uploads(str(one))) == 4)
    os.kill(first.pid, 9)
    add(collector, "r5")
    collector.close()
    wait_until(lambda: list_requests([*read_uploads(str(two)).values()]) == ["r5"])
    for child in (first, second):
        child.close()
        assert child._process is not None
        child._process.wait(30)


def test_a_killed_uploader_is_started_again(collection: Collection, tmp_path: Path) -> None:
    child = start(collection, tmp_path, url=str(tmp_path / "up"))
    child._elapsed = lambda: child._started + 10
    first = child.pid
    os.kill(first, 9)
    assert child._process is not None
    child._process.wait(10)
    child.check()
    assert child.pid != first
    wait_until(lambda: len(read_uploads(str(tmp_path / "up"))) == 3)
    child.check()
    child.close()
    child._process.wait(30)


def test_the_uploader_imports_neither_numpy_nor_fsspec_for_a_folder(collection: Collection, tmp_path: Path) -> None:
    """A pod has one uploader per worker, most of which only wait."""
    script = (
        "import sys, mlops.serving.collection.__main__ as program\n"
        "program.main()\nprint([name for name in ('numpy', 'fsspec', 'uvicorn') if name in sys.modules])"
    )
    file = tmp_path / "settings.json"
    file.write_text(f'{{"folder": "{collection.folder}", "url": "{tmp_path / "up"}"}}')
    words = [sys.executable, "-c", script, "--settings", str(file), "--once"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert len(read_uploads(str(tmp_path / "up"))) == 3


def test_a_store_that_does_not_answer_is_logged_before_its_error(caplog: pytest.LogCaptureFixture) -> None:
    with warn_if_slow(SLOW, 30):
        pass
    assert caplog.text == ""
    with warn_if_slow(SLOW, 0.01):
        wait_until(lambda: "The store for uploads has not answered for 5 s." in caplog.text)


def test_the_last_upload_is_tried_four_times(collection: Collection, tmp_path: Path) -> None:
    blocked, pauses = tmp_path / "blocked", list[float]()
    blocked.write_text("a file where the folder must be")
    settings = Settings(folder=str(collection.folder), url=str(blocked))
    uploader = Uploader(settings, lambda: DAY, tally=Tally(tmp_path / UPLOADS))
    with pytest.raises(OSError, match="blocked"):
        upload_last(uploader, pauses.append)
    assert pauses == [1.0, 2.0, 4.0]

    def unblock(_: float) -> None:
        blocked.unlink()

    assert upload_last(uploader, unblock) == 3
    assert read_tally(tmp_path / UPLOADS) == {FAILED: 5, DONE: 3, BYTES: measure(blocked)}


def test_the_last_upload_is_not_tried_again_if_it_takes_long_or_cannot_succeed(
    collection: Collection, tmp_path: Path
) -> None:
    def fail(_: float) -> None:
        raise AssertionError("it must not wait")

    blocked, times = tmp_path / "blocked", iter([0.0, 60.0])
    blocked.write_text("a file where the folder must be")
    with pytest.raises(OSError, match="blocked"):
        upload_last(make_uploader(collection, str(blocked)), fail, lambda: next(times))
    with pytest.raises(ValueError, match="Protocol not known: xyz"):
        upload_last(make_uploader(collection, "xyz://host/path"), fail)


def test_the_last_upload_of_a_service_says_that_rows_are_left(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def end(_: float, *, with_parent: bool) -> bool:
        return with_parent

    monkeypatch.setattr(program, "wait_for_end", end)
    monkeypatch.setattr(program, "LAST_PAUSES", ())
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    upload_until_closed(make_uploader(collection, str(blocked / "up")), with_parent=True)
    said = "The last upload failed. The rows stay on this machine. NotADirectoryError: [Errno 20] Not a directory"
    assert said in caplog.text


def test_the_command_that_uploads_once_logs_its_result(
    collection: Collection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    assert upload_once(make_uploader(collection, str(blocked / "up")), lambda _: None) == 1
    assert "The upload failed. Run the command again. NotADirectoryError: [Errno 20] Not a directory" in caplog.text
    assert upload_once(make_uploader(collection, str(tmp_path / "up"))) == 0
    assert "Uploaded segments: 3." in caplog.text


@pytest.mark.parametrize("url", ["file://collected/rows", "file://host/rows"])
def test_a_url_of_another_machine_is_refused(collection: Collection, url: str) -> None:
    with pytest.raises(ValueError, match=f"write three slashes: file:///{url[7:]}$"):
        make_uploader(collection, url).run()


def test_a_file_url_can_have_any_character(collection: Collection, tmp_path: Path) -> None:
    make_uploader(collection, f"file://localhost{tmp_path}/a#b?c%20d").run()
    assert len(read_uploads(str(tmp_path / "a#b?c d"))) == 3


def test_the_log_has_no_signature_of_a_url() -> None:
    said = describe_error(OSError("PUT https://account/container/blob?sig=secret&se=1 failed\nbody"))
    assert said == "OSError: PUT https://account/container/blob failed"
