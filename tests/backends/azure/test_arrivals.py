"""New data in a watched folder: the claimed file, the run that claims it, and its copy. Blobs are in Azurite."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from doubles.azure.azure import Azure

from mlops.backends.azure.arrivals import AzureArrivals
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.backends.azure.datasets import AzureDatasets
from mlops.errors import DatasetNotFoundError, UsageError
from mlops.platform.datasets import Arrival, DatasetVersion
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow
RUN = "run-1"


@pytest.fixture
def datasets(azure: Azure, workspace: Workspace) -> AzureDatasets:
    """The data set of the provisioned workspace."""
    return AzureDatasets(AzureSession(read_settings(workspace), workspace))


@pytest.fixture
def arrivals(azure: Azure, workspace: Workspace, datasets: AzureDatasets) -> AzureArrivals:
    """The watched folder."""
    return AzureArrivals(AzureSession(read_settings(workspace), workspace), datasets)


def register(datasets: AzureDatasets, file: Path) -> DatasetVersion:
    """Stage a file and register it, as 00_provision does once it has passed its test."""
    return datasets.register(datasets.stage(file))


def add_run(azure: Azure, name: str, status: str, start: int, end: int = 0) -> None:
    """Add a run of the pipeline that began, and perhaps ended, some minutes after nine."""
    times = {"startTimeUtc": start, "endTimeUtc": end}
    given = {key: f"2026-11-26T09:{minute:02}:00.0000000+00:00" for key, minute in times.items() if minute}
    azure.history.add_run("diabetes-retraining", name, status=status, **given)


def arrive(azure: Azure, name: str, content: bytes) -> None:
    """Put a file into the watched folder. Azure records the time of its arrival in seconds."""
    azure.blobs.write(name, content)
    time.sleep(1.1)


def test_the_file_that_arrived_last_is_new_data_and_becomes_a_version_when_it_is_kept(
    arrivals: AzureArrivals, datasets: AzureDatasets, azure: Azure, file: Path
) -> None:
    first = register(datasets, file)
    arrive(azure, "incoming/a.csv", b"A,Y\n5,6\n")
    arrive(azure, "incoming/b.parquet", b"rows")
    azure.blobs.write("incoming/deeper/c.csv", b"not looked at")
    azure.blobs.write("incoming/folder.parquet/part-0.parquet", b"neither: a folder is no file")
    azure.blobs.write("incoming/notes.txt", b"no data")
    url = arrivals.fetch_newest(RUN).url
    assert url.endswith("/data/diabetes-2.parquet")
    assert datasets.get_version("latest") == first
    azure.blobs.write("incoming/b.parquet", b"written over")  # the copy is what is tested, trained on and kept
    kept = datasets.register(url)
    assert kept == DatasetVersion("diabetes", 2, url) == datasets.get_version("latest") == datasets.register(url)
    assert azure.blobs.read("data/diabetes-2.parquet") == b"rows"


def test_new_data_that_is_the_newest_version_already_is_no_new_version(
    arrivals: AzureArrivals, datasets: AzureDatasets, azure: Azure, file: Path
) -> None:
    first = register(datasets, file)
    azure.blobs.write("incoming/a.csv", file.read_bytes())
    assert arrivals.fetch_newest(RUN) == Arrival("incoming/a.csv", first.url)
    assert datasets.register(first.url) == first
    assert azure.blobs.list_names("data/") == ["data/diabetes.csv"]


def test_new_data_that_was_refused_leaves_its_copy_and_the_next_file_gets_a_place_of_its_own(
    arrivals: AzureArrivals, datasets: AzureDatasets, azure: Azure, file: Path
) -> None:
    register(datasets, file)
    arrive(azure, "incoming/bad.csv", b"bad")
    assert arrivals.fetch_newest(RUN) == arrivals.fetch_newest(RUN)
    arrive(azure, "incoming/good.csv", b"good")
    url = arrivals.fetch_newest(RUN).url
    assert url.endswith("/data/diabetes-3.csv")
    assert datasets.register(url).version == 2


def test_no_new_data_and_no_folder_for_it_are_said(
    arrivals: AzureArrivals,
    datasets: AzureDatasets,
    azure: Azure,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    azure.blobs.list_names()
    with pytest.raises(DatasetNotFoundError, match=r"has no file that ends in .csv, .csv.gz, .parquet\.$"):
        arrivals.fetch_newest(RUN)
    azure.blobs.write("incoming/november/part-0.parquet", b"PAR1")
    with pytest.raises(DatasetNotFoundError, match=r"Azure does not watch the subfolder incoming/november/\."):
        arrivals.fetch_newest(RUN)
    settings = replace(read_settings(workspace), data_trigger_path="")
    with pytest.raises(UsageError, match=r"No folder is watched for new data\. Set azure.data_trigger_path"):
        AzureArrivals(AzureSession(settings, workspace), datasets).fetch_newest(RUN)


def test_files_that_arrive_together_are_taken_by_one_run(arrivals: AzureArrivals, azure: Azure) -> None:
    """Azure starts a run for each file, but the newest file is the whole data set."""
    for name in ("a", "b", "c"):
        arrive(azure, f"incoming/{name}.csv", name.encode())
    for number in (1, 2, 3):
        add_run(azure, f"run-{number}", "Running", start=number)
    found = [arrivals.fetch_newest(f"run-{number}") for number in (1, 2, 3)]
    assert found[0].url.endswith("/data/diabetes.csv")
    assert found[1:] == [Arrival("incoming/c.csv", taken_by="run-1")] * 2
    assert arrivals.fetch_newest("run-1") == found[0]  # on another node, after its first node was lost
    arrive(azure, "incoming/d.csv", b"d")
    assert arrivals.fetch_newest("run-2").url


def test_the_file_of_a_run_that_failed_is_for_those_that_begin_later(arrivals: AzureArrivals, azure: Azure) -> None:
    azure.blobs.write("incoming/bad.csv", b"bad")
    add_run(azure, "run-1", "Running", start=10)
    assert arrivals.fetch_newest("run-1").url
    azure.history.runs["run-1"].update(status="Failed", endTimeUtc="2026-11-26T09:15:00.0000000+00:00")
    add_run(azure, "run-2", "Running", start=11)  # a run for another file of the same upload
    assert arrivals.fetch_newest("run-2").taken_by == "run-1"
    add_run(azure, "run-3", "Running", start=16)  # by hand
    assert arrivals.fetch_newest("run-3").url
    add_run(azure, "run-4", "Running", start=17)
    assert arrivals.fetch_newest("run-4").taken_by == "run-3"


def test_the_file_of_a_run_that_nobody_knows_is_free(arrivals: AzureArrivals, azure: Azure) -> None:
    azure.blobs.write("incoming/a.csv", b"a")
    add_run(azure, "run-2", "Running", start=1)
    assert arrivals.fetch_newest("gone").url
    assert arrivals.fetch_newest("run-2").url
