"""Collected rows as one table: each once, with the types of the schema, wherever they are."""

import socket
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from collected import KINDS, NUMBERS, Collection, add, add_kinds

from mlops.catalog import segments
from mlops.catalog.collected import Selection, read_collected, write_collected
from mlops.catalog.segments import list_versions
from mlops.data.tables import read_table
from mlops.errors import IntegrityError, PlatformError, UsageError
from mlops.platform.datasets import CollectedPlace
from mlops.serving.collection import stores
from mlops.serving.collection.collector import Identity
from mlops.serving.collection.segments import CLOSED, list_segments
from mlops.serving.collection.settings import Settings
from mlops.serving.collection.stores import open_store
from mlops.serving.collection.uploader import Uploader
from mlops.serving.schema import Answer, Feature, Schema

ALL = Selection()
HOUR = 3600.0


@pytest.fixture
def place(tmp_path: Path) -> CollectedPlace:
    """An empty place."""
    return CollectedPlace(tmp_path / "segments", (tmp_path / "uploads").as_uri())


def upload(place: CollectedPlace) -> int:
    """Upload all closed segments."""
    return Uploader(Settings(folder=str(place.folder), url=place.url)).run()


def collect(place: CollectedPlace, *names: str, schema: Schema = NUMBERS, hours: float = 0, close: bool = True) -> None:
    """Collect requests at some hours after noon."""
    assert place.folder is not None
    collection = Collection(place.folder, schema)
    collection.clock.advance(hours * HOUR)
    collector = collection.open()
    add(collector, *names)
    if close:
        collector.close()


def list_names(table: pa.Table) -> list[str]:
    """Return the ids of the requests in a table."""
    return table["_request"].to_pylist() if table.num_rows else []


def test_open_closed_and_uploaded_segments_are_one_table_sorted_by_time(place: CollectedPlace) -> None:
    collect(place, "uploaded", hours=1)
    assert upload(place) == 1
    collect(place, "closed")
    assert place.folder is not None
    collector = Collection(place.folder).open()
    add(collector, "open")
    table = read_collected(place, ALL)
    assert list_names(table) == ["closed", "open", "uploaded"]
    assert table["_time"].to_pylist()[2] == datetime(2026, 11, 27, 13, tzinfo=UTC)
    collector.close()


def test_a_segment_that_is_local_and_uploaded_counts_once(place: CollectedPlace) -> None:
    collect(place, "r1", "r2")
    assert place.folder is not None
    (path,) = list_segments(place.folder, CLOSED)
    content = path.read_bytes()
    upload(place)
    path.write_bytes(content)  # as if the uploader had been killed before it deleted the segment
    assert list_names(read_collected(place, ALL)) == ["r1", "r2"]


def test_values_have_the_types_of_the_schema(place: CollectedPlace, tmp_path: Path) -> None:
    assert place.folder is not None
    collector = Collection(place.folder, KINDS).open(hashed=("city",), key="k", omitted=("plan",), share=0.5)
    collector._choose = lambda: 0.0
    add_kinds(collector, ids=["c1", "c2"])
    collector.close()
    table = read_collected(place, ALL)
    assert {name: str(kind) for name, kind in zip(table.column_names, table.schema.types, strict=True)} == {
        "_time": "timestamp[us, tz=UTC]",
        "_request": "string",
        "_row": "int32",
        "_model": "string",
        "_version": "string",
        "_share": "double",
        "_id": "string",
        "city": "string",
        "fee": "double",
        "mobile": "bool",
        "joined": "date32[day]",
        "paid": "date32[day]",
        "seller": "string",
        "_prediction_leaves": "double",
        "_prediction_stays": "double",
    }
    first = table.to_pylist()[0]
    assert (first["_row"], first["_id"], first["_model"], first["_version"], first["_share"]) == (
        0,
        "c1",
        "churn",
        "3",
        0.5,
    )
    assert (first["fee"], first["mobile"], first["joined"], first["paid"]) == (20.0, None, date(2020, 1, 31), None)
    assert (first["_prediction_leaves"], first["_prediction_stays"]) == (0.25, 0.75)
    for ending in ("parquet", "csv"):
        write_collected(table, tmp_path / f"rows.{ending}")
        frame = read_table(str(tmp_path / f"rows.{ending}")).frame
        assert frame["fee"].tolist() == [20.0, 5.5]
        assert frame["seller"].tolist() == ["s1", "7"]


def test_a_missing_number_is_null(place: CollectedPlace) -> None:
    assert place.folder is not None
    collector = Collection(place.folder).open()
    packed = collector.pack(np.array([[1.0, 2.0, np.nan]]))
    assert packed is not None
    collector.add("r", packed, np.array([3.0]))
    collector.close()
    assert read_collected(place, ALL)["c"].to_pylist() == [None]


def test_rows_are_selected_by_time_and_version(place: CollectedPlace) -> None:
    for number, hours in enumerate((-13, 0, 5, 12)):
        collect(place, f"r{number}", hours=hours)
        if number % 2:
            upload(place)
    day = Selection(datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC))
    assert list_names(read_collected(place, day)) == ["r1", "r2"]
    assert list_names(read_collected(place, Selection(datetime(2026, 11, 27, 17, tzinfo=UTC)))) == ["r2", "r3"]
    assert list_names(read_collected(place, Selection(version="3"))) == ["r0", "r1", "r2", "r3"]
    assert read_collected(place, Selection(version="4")).num_rows == 0


def test_versions_with_rows_are_listed(place: CollectedPlace) -> None:
    assert list_versions(place) == []
    assert place.folder is not None
    for version in ("10", "2 b/c", "9"):
        collector = Collection(place.folder, identity=Identity("churn", version, "")).open()
        add(collector, "r1")
        if version != "9":
            collector.close()
            upload(place)
    assert list_versions(place) == ["9", "10", "2 b/c"]


def test_versions_with_other_columns_are_one_table(place: CollectedPlace) -> None:
    collect(place, "old")
    collect(place, "new", schema=Schema(1, (Feature("a"), Feature("b"), Feature("d")), Answer()))
    rows = read_collected(place, ALL).to_pylist()
    assert [(row["_request"], row["c"] is None, row["d"] is None) for row in rows] == [
        ("new", True, False),
        ("old", False, True),
    ]


def test_a_column_that_changed_its_kind_needs_a_version(place: CollectedPlace) -> None:
    collect(place, "old")
    assert place.folder is not None
    other = Schema(1, (Feature("a", "category"), Feature("fee")), Answer())
    collection = Collection(place.folder, other)
    collector = collection.open()
    collector._header = msgspec.structs.replace(collector._header, version="4")
    packed = collector.pack({"a": np.array(["x"], dtype=object), "fee": np.ones(1)})
    assert packed is not None
    collector.add("new", packed, np.ones(1))
    collector.close()
    with pytest.raises(UsageError) as raised:
        read_collected(place, ALL)
    assert str(raised.value) == (
        "The column a has different kinds of values: double in churn version 3, string in churn version 4. Add "
        "--version NUMBER to read one version, or --from TIME to read only later rows."
    )
    assert list_names(read_collected(place, Selection(version="4"))) == ["new"]


def test_a_place_without_data_is_empty(tmp_path: Path) -> None:
    assert read_collected(CollectedPlace(tmp_path / "none", str(tmp_path / "none either")), ALL).num_rows == 0
    assert read_collected(CollectedPlace(None, ""), ALL).num_rows == 0


def test_a_damaged_upload_and_a_store_that_is_unavailable_are_named(place: CollectedPlace) -> None:
    collect(place, "r")
    upload(place)
    (name,) = open_store(place.url).list_names()
    open_store(place.url).write(name, b"not gzip")
    with pytest.raises(IntegrityError, match=f"The upload {name} is damaged"):
        read_collected(place, ALL)
    with pytest.raises(UsageError, match="The uploads in xyz://host/path cannot be opened: "):
        read_collected(CollectedPlace(None, "xyz://host/path"), ALL)
    with pytest.raises(PlatformError, match="Could not reach ftp://127.0.0.1:9/none: .* refused. Try again"):
        read_collected(CollectedPlace(None, "ftp://127.0.0.1:9/none"), ALL)


def name_account(port: int) -> dict[str, str]:
    """Return the options for an account of Azure at a port of this machine."""
    account = f"AccountName=a;AccountKey=aaaa;BlobEndpoint=http://127.0.0.1:{port}/a;"
    return {"connection_string": f"DefaultEndpointsProtocol=http;{account}"}


def test_a_store_of_azure_that_refuses_connections_is_named_at_once() -> None:
    with pytest.raises(PlatformError, match=r"uploads in az://c/x: Cannot connect to host 127.0.0.1:9 .* Check"):
        read_collected(CollectedPlace(None, "az://c/x", name_account(9)), ALL)


def test_a_store_of_azure_that_does_not_answer_is_named_and_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stores, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(segments, "PATIENCE_SECONDS", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = CollectedPlace(None, "az://c/x", name_account(silent.getsockname()[1]))
        with pytest.raises(PlatformError, match="list the uploads in az://c/x: it has not answered for 0 s. Check"):
            read_collected(place, ALL)
    assert "Still waiting for the list of uploads in az://c/x." in caplog.text


def test_ids_beside_the_rows_are_a_column(place: CollectedPlace) -> None:
    assert place.folder is not None
    collection = Collection(place.folder, msgspec.structs.replace(NUMBERS, id="customer"))
    collector = collection.open()
    for ids in (None, ["c1", None]):
        packed = collector.pack(np.ones((2, 3)), ids)
        assert packed is not None
        collector.add("r", packed, np.ones(2))
        collector.flush()
    collector.close()
    assert read_collected(place, ALL)["_id"].to_pylist().count("c1") == 1


def test_the_requests_of_a_script_that_reads_the_body_are_text(place: CollectedPlace, tmp_path: Path) -> None:
    assert place.folder is not None
    collector = Collection(place.folder, None).open()
    for request, answer in (('{"data": [1]}', '{"result": [2.0]}'), (None, None)):
        packed = collector.pack({"request": np.array([request], dtype=object)})
        assert packed is not None
        collector.add("r", packed, np.array([answer], dtype=object))
        collector.flush()
    collector.close()
    table = read_collected(place, ALL)
    assert table.column_names == [
        *("_time", "_request", "_row", "_model", "_version", "_share", "request", "response"),
    ]
    assert table["request"].to_pylist() == ['{"data": [1]}', None]
    assert table["response"].to_pylist() == ['{"result": [2.0]}', None]
    assert {str(table.schema.field(name).type) for name in ("request", "response")} == {"string"}
