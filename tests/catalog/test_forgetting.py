"""A person is removed from segments and uploads, and found in data sets and models."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from collected import KINDS, NUMBERS, Collection, add, add_kinds
from msgspec.structs import replace
from waiting import wait_until

from mlops.backends.memory import open_backend
from mlops.catalog import forgetting
from mlops.catalog.collected import Selection, read_collected
from mlops.catalog.forgetting import find_traces, forget_person
from mlops.errors import PlatformError
from mlops.platform.datasets import CollectedPlace
from mlops.serving.collection.forgetting import Person
from mlops.serving.collection.segments import CLOSED, OPEN, hold_folder, list_segments
from mlops.serving.collection.settings import Settings
from mlops.serving.collection.stores import FolderStore
from mlops.serving.collection.uploader import Uploader

NUMBERS_WITH_ID = replace(NUMBERS, id="person")


def count(place: CollectedPlace) -> int:
    """Return the number of collected rows."""
    return read_collected(place, Selection()).num_rows


@pytest.mark.parametrize("scheme", ["file", "memory", pytest.param("az", marks=pytest.mark.slow)])
def test_segments_and_uploads_are_searched_and_others_keep_their_rows(
    tmp_path: Path, scheme: str, request: pytest.FixtureRequest
) -> None:
    url, options = f"{scheme}://{tmp_path}/uploads", {}
    if scheme == "az":
        azurite = request.getfixturevalue("azurite")
        azurite.make_container("forgetting")
        url, options = "az://forgetting/uploads", {"connection_string": azurite.connection_string}
    place = CollectedPlace(tmp_path / "segments", url, options)
    for _ in range(2):
        collector = Collection(tmp_path / "segments", KINDS).open()
        add_kinds(collector)
        collector.close()
        Uploader(Settings(folder=str(place.folder), url=place.url, storage=options)).run()
    collector = Collection(tmp_path / "segments", KINDS).open()
    add_kinds(collector)
    collector.close()
    numbers = Collection(tmp_path / "segments").open()
    add(numbers, "without ids")
    numbers.close()
    assert count(place) == 7
    found = forget_person(place, Person(["s1"]))
    assert (found.rows, found.files, found.without_ids, found.damaged, found.open) == (3, 3, 1, (), ())
    table = read_collected(place, Selection())
    assert set(table["seller"].to_pylist()) == {"7", None}
    assert forget_person(place, Person(["s1"])).rows == 0
    assert forget_person(place, Person(["7"])).rows == 3
    assert count(place) == 1
    assert len(list_segments(tmp_path / "segments", CLOSED)) == 1


def test_the_remaining_rows_of_a_request_keep_their_numbers(tmp_path: Path) -> None:
    """Labels are joined by the number of the row in its request."""
    place = CollectedPlace(tmp_path, "")
    collector = Collection(tmp_path, NUMBERS_WITH_ID).open()
    packed = collector.pack(np.ones((4, 3)), ["a", "b", "c", "d"])
    assert packed is not None
    collector.add("request", packed, np.arange(4.0))
    collector.close()
    for person, left in (("b", [0, 2, 3]), ("c", [0, 3])):
        assert forget_person(place, Person([person])).rows == 1
        table = read_collected(place, Selection())
        assert table["_row"].to_pylist() == table["_prediction"].to_pylist() == left


def test_a_running_service_closes_its_segment_so_that_it_can_be_searched(tmp_path: Path) -> None:
    place = CollectedPlace(tmp_path, "")
    collector = Collection(tmp_path, KINDS).open()
    add_kinds(collector)
    ended = threading.Event()

    def serve() -> None:
        while not ended.wait(0.01):
            collector.tick()

    service = threading.Thread(target=serve)
    service.start()
    found = forget_person(place, Person(["s1"]))
    ended.set()
    service.join()
    assert (found.rows, found.open) == (1, ())
    add_kinds(collector)
    assert count(place) == 3
    collector.close()


def test_a_segment_that_stays_open_is_named(tmp_path: Path) -> None:
    collector = Collection(tmp_path, KINDS).open()
    add_kinds(collector)
    waited: list[float] = []
    found = forget_person(CollectedPlace(tmp_path, ""), Person(["s1"]), waited.append)
    (path,) = list_segments(tmp_path, OPEN)
    assert (found.rows, found.open) == (0, (str(path),))
    assert sum(waited) == 15.0
    collector.close()


def test_an_uploader_that_holds_the_folder_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(forgetting, "PATIENCE_SECONDS", 0.01)
    with ThreadPoolExecutor(1) as pool:
        with hold_folder(tmp_path):
            found = pool.submit(forget_person, CollectedPlace(tmp_path, ""), Person(["s1"]))
            wait_until(lambda: "Still waiting for the uploader of the service." in caplog.text)
            assert not found.done()
        assert found.result() == forgetting.Forgotten()


def test_a_damaged_segment_is_named(tmp_path: Path) -> None:
    collector = Collection(tmp_path, KINDS).open()
    add_kinds(collector)
    collector.close()
    (path,) = list_segments(tmp_path, CLOSED)
    with path.open("ab") as file:
        file.write(b"x" * 50)
    found = forget_person(CollectedPlace(tmp_path, ""), Person(["s9"]))
    assert (found.rows, found.damaged) == (0, (str(path),))


def test_damaged_uploads_are_named_and_the_others_are_searched(tmp_path: Path) -> None:
    place = CollectedPlace(tmp_path / "segments", str(tmp_path / "uploads"))
    for _ in range(3):
        collector = Collection(tmp_path / "segments", KINDS).open()
        add_kinds(collector)
        collector.close()
    Uploader(Settings(folder=str(place.folder), url=place.url)).run()
    first, second, _ = sorted((tmp_path / "uploads").rglob("*.gz"))
    first.write_bytes(b"no gzip")
    second.write_bytes(second.read_bytes()[:-4])  # only the checksum is incomplete
    found = forget_person(place, Person(["s1"]))
    assert found.rows == 2
    assert [Path(name).name for name in found.damaged] == [first.name]


def test_uploads_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = CollectedPlace(tmp_path / "segments", str(tmp_path / "uploads"))
    collector = Collection(tmp_path / "segments", KINDS).open()
    add_kinds(collector)
    collector.close()
    Uploader(Settings(folder=str(place.folder), url=place.url)).run()

    def fail(store: FolderStore, name: str) -> bytes:
        raise TimeoutError("no answer")

    monkeypatch.setattr(FolderStore, "read", fail)
    with pytest.raises(PlatformError, match=r"^Could not search churn/3/.*\.gz in .*: .*no answer.*Run the comm"):
        forget_person(place, Person(["s1"]))


def test_rows_that_cannot_be_found_are_counted(tmp_path: Path) -> None:
    hidden = {"hashed": ("seller",), "key": "secret"}
    collector = Collection(tmp_path, KINDS, options=hidden).open()
    add_kinds(collector)
    collector.close()
    place = CollectedPlace(tmp_path, "")
    found = forget_person(place, Person(["s1"]))
    assert (found.rows, found.without_ids, found.without_key) == (0, 0, 1)
    found = forget_person(place, Person(["s1"], "secret"))
    assert (found.rows, found.without_ids, found.without_key) == (1, 0, 0)
    collector = Collection(tmp_path, NUMBERS_WITH_ID).open()
    for ids in (["a", "b"], ["a", None]):
        packed = collector.pack(np.ones((2, 3)), ids)
        assert packed is not None
        collector.add("r", packed, np.ones(2))
        collector.flush()
    collector.close()
    found = forget_person(place, Person(["a"], "secret"))
    assert (found.rows, found.without_ids, found.without_key) == (2, 1, 0)


def test_versions_of_the_data_set_with_the_person_are_listed(tmp_path: Path) -> None:
    from churn import problem

    backend = open_backend()
    for number, customers in enumerate((["007", "8"], ["8", "9"], ["007", "9"])):
        file = tmp_path / f"{number}.csv"
        pd.DataFrame({"customer": customers, "fee": [1.0, 2.0]}).to_csv(file, index=False)
        backend.datasets.register(backend.datasets.stage(file))
    traces = find_traces(backend.datasets, problem, [], ["007"])
    assert [(trace.dataset.version, trace.models) for trace in traces] == [(1, ()), (3, ())]
    assert find_traces(backend.datasets, problem, [], ["7"]) == []


def test_a_problem_without_ids_has_no_traces() -> None:
    from progression import problem

    assert find_traces(open_backend().datasets, problem, [], ["1"]) == []
