"""`mlops data`: the rows that a real service collected are written, and a person's rows are deleted."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
from collected import KINDS, Collection, add, add_kinds
from command_line import CommandLine
from progression import problem as progression
from tiny_model import deploy, publish

from mlops.backends import open_backend
from mlops.catalog.collected import Selection, read_collected
from mlops.catalog.forgetting import Forgotten
from mlops.cli.data import _describe_forgotten
from mlops.cli.options import Moment
from mlops.platform.datasets import CollectedPlace
from mlops.serving.collection.collector import Identity
from mlops.workspace import Workspace

PLACE = "collected/production/segments"


@pytest.fixture
def line(make_mlops: Callable[[], CommandLine]) -> CommandLine:
    """The command line with a home of its own."""
    return make_mlops()


def run(line: CommandLine, *words: str) -> Any:
    """Run a command in this process, and return its JSON."""
    done = line.invoke("data", *words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_nothing_is_collected_yet(line: CommandLine, tmp_path: Path) -> None:
    advice = (
        "Check with `mlops status` that it serves a model, and in parameters/local.yml that collect_share is not 0."
    )
    assert line.invoke("data", "collected").stdout == f"production has no collected rows. {advice}\n"
    assert run(line, "collected") == {"format": 1, "rows": 0, "tests": 0, "versions": {}, "output": ""}
    output = tmp_path / "rows.parquet"
    done = line.invoke("data", "collected", "--version", "3", "--output", str(output))
    said = f"production has no collected rows that match the options, so {output} was not written."
    assert (done.returncode, done.stdout) == (0, f"{said} Run `mlops data collected` to count all rows.\n")
    assert run(line, "collected", "--output", str(output))["output"] == ""
    assert not output.exists()


def test_rows_are_counted_by_version_and_written_as_the_name_of_the_file_says(
    line: CommandLine, tmp_path: Path
) -> None:
    collection = Collection(line.workspace.home / PLACE)
    collector = collection.open()
    add(collector, "r1", "r2", rows=3)
    collection.clock.advance(86_400)
    add(collector, "r3")
    collector.close()
    shown = line.invoke("data", "collected").stdout
    assert shown == "churn version 3: 7 rows\nTo write them to a file, add --output rows.parquet.\n"
    for ending, read in (("parquet", pd.read_parquet), ("csv", pd.read_csv)):
        path = tmp_path / f"rows.{ending}"
        said = line.invoke("data", "collected", "--to", "2026-11-27", "--output", str(path)).stdout
        assert said == f"churn version 3: 6 rows\nWritten to {path}.\n"
        assert read(path)["_request"].tolist() == ["r1"] * 3 + ["r2"] * 3
        assert path.stat().st_mode & 0o077 == 0
    assert run(line, "collected", "--from", "2026-11-27T12:30")["rows"] == 1
    assert run(line, "collected", "--environment", "qa")["rows"] == 0
    assert run(line, "collected", "--version", "3")["versions"] == {"churn version 3": 7}


def test_the_rows_of_tests_of_releases_are_counted_because_a_training_must_leave_them_out(line: CommandLine) -> None:
    collector = Collection(line.workspace.home / PLACE).open()
    add(collector, "mlops-test-1", "r1", "mlops-test-2", rows=2)
    collector.close()
    said = "4 of these rows are from tests of releases: their _request begins with mlops-test-."
    assert line.invoke("data", "collected", "--from", "2026-11-27", "--to", "2026-11-27").stdout.splitlines() == [
        "churn version 3: 6 rows",
        said,
        "To write them to a file, add --output rows.parquet.",
    ]
    assert run(line, "collected")["tests"] == 4


@pytest.mark.parametrize("typed", ["4", "x", "v3"])
def test_a_version_without_rows_is_refused_with_the_versions_that_have_some(line: CommandLine, typed: str) -> None:
    for version in ("9", "10"):
        identity = Identity("churn", version, "sha256:abc")
        collector = Collection(line.workspace.home / PLACE, identity=identity).open()
        add(collector, "r1")
        collector.close()
    done = line.invoke("data", "collected", "--version", typed, "--json")
    said = f"--version is {typed!r}, but production has no rows of such a version."
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{said} Choose a version that has some: 9, 10." in " ".join(done.stderr.split())
    empty = line.invoke("data", "collected", "--version", "10", "--from", "2026-11-30")
    assert (empty.returncode, "that match the options" in empty.stdout) == (0, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "monday"], "'monday' is not a time. Write a day or a time in UTC: 2026-11-27, 2026-11-27T18:30."),
        (["--output", "rows.xlsx"], "'rows.xlsx' has no known format. Write a name that ends with .parquet or .csv."),
        (["--version", " "], "Invalid value for '--version': The value is empty."),
        (["--environment", "prod"], "Did you mean 'production'?"),
        (["--from", "2026-11-28", "--to", "2026-11-27"], "--from is not before --to, so no row can match."),
    ],
)
def test_mistakes_are_named(line: CommandLine, words: list[str], said: str) -> None:
    done = line.invoke("data", "collected", *words)
    assert done.returncode == 2
    assert said in " ".join((done.stdout + done.stderr).split())


def test_an_empty_id_forgets_nobody(line: CommandLine) -> None:
    """A request can have the id "", which belongs to no particular person."""
    done = line.invoke("data", "forget", "--id", "")
    assert (done.returncode, "Invalid value for '--id': The value is empty." in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("2026-11-27", datetime(2026, 11, 28, tzinfo=UTC)),
        ("20261127", datetime(2026, 11, 28, tzinfo=UTC)),
        ("2026-11-27T00", datetime(2026, 11, 27, tzinfo=UTC)),
        ("2026-11-27T10:30+01:00", datetime(2026, 11, 27, 9, 30, tzinfo=UTC)),
    ],
)
def test_a_day_without_a_time_ends_at_midnight(typed: str, found: datetime) -> None:
    assert Moment(ends=True).convert(typed, None, None) == found


def test_a_person_is_forgotten_and_what_cannot_be_searched_is_said(line: CommandLine) -> None:
    collector = Collection(line.workspace.home / PLACE, KINDS).open()
    add_kinds(collector)
    collector.close()
    numbers = Collection(line.workspace.home / PLACE).open()
    add(numbers, "r1")
    numbers.close()
    said = line.invoke("data", "forget", "--id", "s1").stdout.splitlines()
    assert said == [
        "Deleted rows: 1. Changed files: 1.",
        "Files with rows that have no id, which could not be searched: 1.",
        "The problem 'diabetes' declares no id column, so the data sets could not be searched.",
        "Models of deleted runs, copies outside of this platform and backups were not searched.",
    ]
    assert run(line, "collected")["rows"] == 2
    assert run(line, "forget", "--id", "s1") == {
        "format": 1,
        "forgotten": {"rows": 0, "files": 0, "without_ids": 1, "without_key": 0, "damaged": [], "open": []},
        "traces": [],
    }


@pytest.mark.parametrize("folder", [None, Path("segments")])
def test_rows_in_containers_cannot_be_searched(folder: Path | None) -> None:
    said = _describe_forgotten(CollectedPlace(folder, "az://modeldata/service"), Forgotten(), [], progression)
    again = "Rows that a container has not uploaded yet were not searched. Run the command again in a minute."
    assert (again in said) == (folder is None)


def test_a_deployed_service_collects_in_the_folder_of_its_environment(migrated: Workspace, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    service = deploy(backend, "qa", publish(backend, tmp_path, 2.5))
    try:
        key = backend.secrets.get_keys("qa")[0]
        for number in range(3):
            answer = requests.post(
                f"{service.url}/score",
                json={"data": [[1.0], [2.0]]},
                headers={"Authorization": f"Bearer {key}", "x-ms-request-id": f"r{number}"},
                timeout=10,
            )
            assert answer.json() == {"result": [2.5, 2.5]}
        assert backend.collections is not None
        table = read_collected(backend.collections.find_place("qa"), Selection())
        assert table["_request"].to_pylist() == ["r0", "r0", "r1", "r1", "r2", "r2"]
        assert table["_prediction"].to_pylist() == [2.5] * 6
        assert set(table["_model"].to_pylist()) == {"tiny"}
    finally:
        backend.services.stop("qa")
