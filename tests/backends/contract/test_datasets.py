"""The contract of data sets, over every platform: `mlops.platform.datasets.Datasets`."""

from pathlib import Path

import pytest

from mlops.data.tables import read_table
from mlops.errors import DatasetNotFoundError, IntegrityError
from mlops.files.hashes import hash_file
from mlops.platform.backend import Backend
from mlops.platform.datasets import LATEST, Datasets


@pytest.fixture
def datasets(backend: Backend) -> Datasets:
    """The data sets of every platform in turn, before the first version."""
    return backend.datasets


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A data file."""
    path = tmp_path / "sample.csv"
    path.write_text("A,Y\n1,2\n")
    return path


@pytest.mark.no_blobs
def test_there_is_no_version_before_the_first(datasets: Datasets) -> None:
    assert datasets.find_newest() is None
    with pytest.raises(DatasetNotFoundError, match="latest"):
        datasets.get_version(LATEST)


def test_each_content_is_a_version_that_stays(datasets: Datasets, file: Path, platform: str) -> None:
    first = datasets.register(datasets.stage(file))
    file.write_text("A,Y\n3,4\n")
    second = datasets.register(datasets.stage(file))
    assert (first.version, second.version) == (1, 2)
    assert [datasets.get_version(name) for name in ("1", "2", LATEST)] == [first, second, second]
    assert datasets.find_newest() == second
    assert first.url != second.url
    if platform != "azure":  # adlfs reads the certificates when it is imported, which may be before the double starts
        assert [int(read_table(version.url).frame["A"][0]) for version in (first, second)] == [1, 3]


def test_every_version_has_the_name_of_the_data_set(datasets: Datasets, file: Path, tmp_path: Path) -> None:
    first = datasets.register(datasets.stage(file))
    (tmp_path / "renamed.csv").write_text("A,Y\n3,4\n")
    second = datasets.register(datasets.stage(tmp_path / "renamed.csv"))
    assert (second.name, second.version) == (first.name, 2)


@pytest.mark.parametrize("columns", [2, 600])
def test_a_version_has_the_columns_of_its_file(datasets: Datasets, file: Path, columns: int) -> None:
    """So a run refuses the data of another problem before its first step."""
    names = ("größe", *(f"X{number}" for number in range(1, columns)))
    file.write_text(f"{','.join(names)}\n{','.join(['1'] * columns)}\n", encoding="utf-8")
    registered = datasets.register(datasets.stage(file))
    found = datasets.find_newest()
    assert found == registered
    assert found.columns == names


def test_the_same_content_again_makes_no_version(datasets: Datasets, file: Path) -> None:
    staged = datasets.stage(file)
    first = datasets.register(staged)
    assert datasets.stage(file) == staged
    assert datasets.register(staged) == first


def test_a_staged_file_is_not_a_version(datasets: Datasets, file: Path) -> None:
    datasets.stage(file)
    assert datasets.find_newest() is None


def test_a_missing_version_is_not_found(datasets: Datasets, file: Path) -> None:
    datasets.register(datasets.stage(file))
    with pytest.raises(DatasetNotFoundError, match="3"):
        datasets.get_version("3")


@pytest.mark.no_blobs
def test_a_file_that_changed_since_its_test_is_not_staged(datasets: Datasets, file: Path) -> None:
    tested = hash_file(file)
    file.write_text("A,Y\n3,4\n")
    with pytest.raises(IntegrityError, match=r"sample\.csv has changed since it was tested .* Test it again\."):
        datasets.stage(file, tested)
    assert datasets.find_newest() is None
