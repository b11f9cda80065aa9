"""The data set of one machine: files by content, a catalogue of versions, and homes of format 1."""

import gzip
import json
import os
import tracemalloc
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from mlops.backends.local.datasets import LocalDatasets
from mlops.data.tables import read_table
from mlops.errors import DatasetNotFoundError, IntegrityError, UsageError
from mlops.files.hashes import hash_file
from mlops.platform.datasets import LATEST, DatasetVersion
from mlops.problem import Column, Problem
from mlops.problem.metrics import mean_absolute_error


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A data file."""
    path = tmp_path / "sample.csv"
    path.write_text("A,Y\n1,2\n")
    return path


def test_a_staged_file_is_registered_where_it_is(tmp_path: Path, file: Path) -> None:
    datasets = LocalDatasets(tmp_path / "home")
    staged = datasets.stage(file)
    file.write_text("A,Y\n3,4\n")
    version = datasets.register(staged)
    assert (version.name, version.version, version.url) == ("sample", 1, staged)
    assert Path(version.url).read_text() == "A,Y\n1,2\n"
    assert [path.name for path in (tmp_path / "home").rglob("*.csv")] == ["sample.csv"]


def test_a_file_that_was_not_staged_is_copied_first(tmp_path: Path, file: Path) -> None:
    version = LocalDatasets(tmp_path / "home").register(str(file))
    file.unlink()
    assert Path(version.url).read_text() == "A,Y\n1,2\n"


def test_a_folder_of_parquet_files_becomes_one_file(tmp_path: Path) -> None:
    folder = tmp_path / "sales.parquet"
    folder.mkdir()
    (folder / "_SUCCESS").write_text("")
    for number, amount in enumerate((Decimal("0.10"), Decimal("12.5"))):
        pd.DataFrame({"A": [number], "Y": [amount]}).to_parquet(folder / f"part-{number}.parquet")
    datasets = LocalDatasets(tmp_path / "home")
    version = datasets.register(datasets.stage(folder, read_table(str(folder)).sha256))
    assert (version.name, Path(version.url).name) == ("sales", "sales.parquet")
    assert read_table(version.url).frame.to_numpy().tolist() == [[0.0, 0.1], [1.0, 12.5]]
    assert datasets.register(datasets.stage(folder)) == version
    pd.DataFrame({"A": ["text"], "Y": [1]}).to_parquet(folder / "part-2.parquet")
    said = f"The Parquet files in {folder} cannot be combined into one table: .*Field A .* Give each column the same"
    with pytest.raises(UsageError, match=said):
        datasets.stage(folder)
    with pytest.raises(IntegrityError, match=r"sales\.parquet has changed since it was tested"):
        datasets.stage(folder, "0" * 64)


def test_a_file_of_the_home_can_be_staged_again(tmp_path: Path, file: Path) -> None:
    datasets = LocalDatasets(tmp_path / "home")
    staged = datasets.stage(file)
    os.utime(staged, (0, 0))
    assert datasets.stage(Path(staged)) == staged
    assert Path(staged).stat().st_mtime > 0


def test_registering_a_large_file_needs_no_copy_of_it_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "large.csv"
    with file.open("wb") as target:
        target.write(b"A,Y\n")
        target.truncate(30_000_000)
    datasets = LocalDatasets(tmp_path / "home")
    tracemalloc.start()
    try:
        version = datasets.register(datasets.stage(file))
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    assert hash_file(Path(version.url)) == hash_file(file)


def test_the_files_of_a_folder_become_one_in_batches(tmp_path: Path) -> None:
    folder = tmp_path / "sales"
    folder.mkdir()
    frames = [pd.DataFrame({"A": np.arange(900_000) + number, "Y": 0.5, "B": number}) for number in range(2)]
    for number, frame in enumerate(frames):
        frame.drop(columns="B" if number else []).to_parquet(folder / f"part-{number}.parquet")
    datasets = LocalDatasets(tmp_path / "home")
    version = datasets.register(datasets.stage(folder))
    pd.testing.assert_frame_equal(read_table(version.url).frame, read_table(str(folder)).frame, check_exact=True)
    assert pq.ParquetFile(version.url).num_row_groups == 4


def test_zipped_csv_is_registered_as_it_is(tmp_path: Path, file: Path) -> None:
    zipped = file.with_name("sample.csv.gz")
    zipped.write_bytes(gzip.compress(file.read_bytes()))
    version = LocalDatasets(tmp_path / "home").register(str(zipped))
    assert (version.name, Path(version.url).read_bytes()) == ("sample", zipped.read_bytes())


def test_an_older_content_can_become_the_newest_again(tmp_path: Path, file: Path) -> None:
    datasets = LocalDatasets(tmp_path / "home")
    first = datasets.register(datasets.stage(file))
    file.write_text("A,Y\n3,4\n")
    datasets.register(datasets.stage(file))
    assert (datasets.register(first.url).version, datasets.get_version(LATEST).url) == (3, first.url)


def test_a_missing_version_is_an_error_that_lists_those_there_are(tmp_path: Path, file: Path) -> None:
    datasets = LocalDatasets(tmp_path / "home")
    with pytest.raises(
        DatasetNotFoundError, match=r"no version 'latest' in .*datasets\. Run `mlops run build` to test"
    ):
        datasets.get_version(LATEST)
    datasets.register(datasets.stage(file))
    with pytest.raises(DatasetNotFoundError, match=r"no version '2' in .*datasets\. Choose one of: 1\."):
        datasets.get_version("2")


def test_the_numbered_folders_of_format_1_stay_versions(tmp_path: Path, file: Path) -> None:
    folder = tmp_path / "home" / "datasets"
    for number, content in (("1", "A,Y\n1,2\n"), ("10", "A,Y\n5,6\n"), ("2", "A,Y\n3,4\n")):
        (folder / number).mkdir(parents=True)
        (folder / number / "diabetes.csv").write_text(content)
    (folder / "11").mkdir()
    (folder / "11" / ".diabetes.csv.x").write_text("A,")  # interrupted while it was written
    datasets = LocalDatasets(tmp_path / "home")
    newest = datasets.find_newest()
    assert newest is not None
    assert (newest.version, Path(newest.url).read_text()) == (10, "A,Y\n5,6\n")
    assert datasets.register(datasets.stage(file)).version == 11
    assert Path(datasets.get_version("2").url).read_text() == "A,Y\n3,4\n"


@pytest.mark.parametrize("damage", ["edited", "deleted", "a folder"])
def test_a_version_whose_file_has_changed_is_refused(tmp_path: Path, file: Path, damage: str) -> None:
    datasets = LocalDatasets(tmp_path / "home")
    registered = Path(datasets.register(datasets.stage(file)).url)
    registered.unlink()
    if damage == "edited":
        registered.write_text("A,Y\n1,999\n")
    if damage == "a folder":
        registered.mkdir()
    with pytest.raises(IntegrityError, match=r"Version 1 of the data set is damaged: .*sample\.csv is missing or has"):
        datasets.find_newest()
    with pytest.raises(IntegrityError, match="Version 1"):
        datasets.get_version("1")
    file.write_text("A,Y\n3,4\n")
    assert datasets.register(datasets.stage(file)).version == 2
    assert datasets.get_version(LATEST).version == 2


def test_registering_the_newest_content_again_restores_its_file(tmp_path: Path, file: Path) -> None:
    datasets = LocalDatasets(tmp_path / "home")
    first = datasets.register(datasets.stage(file))
    Path(first.url).unlink()
    assert datasets.register(datasets.stage(file.rename(tmp_path / "renamed.csv"))) == first
    assert datasets.find_newest() == first


def test_a_damaged_catalogue_is_an_error_that_names_it(tmp_path: Path, file: Path) -> None:
    datasets = LocalDatasets(tmp_path / "home")
    datasets.register(datasets.stage(file))
    catalogue = tmp_path / "home" / "datasets" / "catalogue.json"
    catalogue.write_text(json.dumps({"versions": [{"version": "one"}]}))
    with pytest.raises(IntegrityError, match=r"catalogue\.json is damaged"):
        datasets.find_newest()


def declare(name: str, target: str = "Y") -> Problem:
    """Return a problem with this target."""
    columns = (Column("A"), Column(target, role="target"))
    declared: type[Problem] = type(
        name, (Problem,), {"name": name, "columns": columns, "metrics": (mean_absolute_error(),)}
    )
    return declared()


def open_datasets(tmp_path: Path, problem: Problem) -> LocalDatasets:
    """Open the data set of a problem."""
    return LocalDatasets(tmp_path / "home", load_problem=lambda: problem)


def test_each_problem_of_a_home_has_a_data_set_of_its_own(tmp_path: Path, file: Path) -> None:
    first, other = (open_datasets(tmp_path, declare(name)) for name in ("first", "other"))
    assert first.register(str(file)) == DatasetVersion("first", 1, first.get_version(LATEST).url, ("A", "Y"))
    assert other.find_newest() is None
    with pytest.raises(DatasetNotFoundError):
        other.get_version("1")
    file.write_text("A,Y\n3,4\n")
    versions = [other.register(str(file)), first.register(str(file))]
    assert [(found.name, found.version) for found in versions] == [("other", 1), ("first", 2)]
    assert (first.find_newest(), other.find_newest()) == (versions[1], versions[0])
    assert LocalDatasets(tmp_path / "home").list_staged() == []


def test_versions_of_an_older_engine_belong_to_the_problem_with_their_target(tmp_path: Path, file: Path) -> None:
    old = LocalDatasets(tmp_path / "home").register(str(file))
    own, other = open_datasets(tmp_path, declare("own")), open_datasets(tmp_path, declare("other", "Z"))
    assert own.find_newest() == DatasetVersion("own", 1, old.url, ("A", "Y"))
    assert (other.find_newest(), own.count_unnamed(), other.count_unnamed()) == (None, 1, 0)
    own.name_versions()
    assert own.find_newest() == DatasetVersion("own", 1, old.url, ("A", "Y"))
    assert open_datasets(tmp_path, declare("third")).find_newest() is None
    assert own.count_unnamed() == 0


def test_a_new_version_names_the_older_ones(tmp_path: Path, file: Path) -> None:
    LocalDatasets(tmp_path / "home").register(str(file))
    own = open_datasets(tmp_path, declare("own"))
    file.write_text("A,Y\n3,4\n")
    assert own.register(str(file)).version == 2
    assert own.count_unnamed() == 0
    assert own.get_version("1").name == "own"
