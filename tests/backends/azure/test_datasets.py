"""The data set: uploads and registrations with the real SDKs. Blobs are in Azurite."""

import gzip
import io
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from azureml.core import Dataset
from doubles.azure.azure import Azure
from doubles.azure.names import ACCOUNT
from doubles.azure.routing import make_error

from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.backends.azure.datasets import AzureDatasets
from mlops.errors import DatasetNotFoundError, PlatformError, UsageError
from mlops.files.hashes import hash_file
from mlops.platform.datasets import DatasetVersion
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def session(azure: Azure, workspace: Workspace) -> AzureSession:
    """The provisioned workspace."""
    return AzureSession(read_settings(workspace), workspace)


@pytest.fixture
def datasets(session: AzureSession) -> AzureDatasets:
    """The data set, with little patience."""
    made = AzureDatasets(session)
    made.rights_seconds, made.pause_seconds = 0.5, 0.05
    return made


def register(datasets: AzureDatasets, file: Path) -> DatasetVersion:
    """Stage a file and register it, as 00_provision does once it has passed its test."""
    return datasets.register(datasets.stage(file))


def test_the_first_file_becomes_version_1(datasets: AzureDatasets, azure: Azure, file: Path) -> None:
    found = register(datasets, file)
    url = f"abfs://{azure.blobs.container}@{ACCOUNT}.dfs.core.windows.net/data/diabetes.csv"
    assert found == DatasetVersion("diabetes", 1, url, ("A", "Y"))
    assert azure.blobs.read("data/diabetes.csv") == b"A,Y\n1,2\n"
    (sent,) = azure.find_requests("POST", "/dataset/v1.0/.*/datasets$")
    assert (sent.json["name"], sent.json["datasetType"]) == ("diabetes", "file")
    assert sent.json["tags"] == {"sha256": hash_file(file), "columns_1": '["A", "Y"]'}
    assert "/datastores/workspaceblobstore/paths/data/diabetes.csv" in sent.json["latest"]["dataflow"]


def test_the_same_content_again_is_the_same_version(datasets: AzureDatasets, azure: Azure, file: Path) -> None:
    assert register(datasets, file) == register(datasets, file)
    assert len(azure.find_requests("POST", "/datasets$")) == 1


def test_another_content_is_a_version_whose_file_stands_beside_the_old_one(
    datasets: AzureDatasets, azure: Azure, file: Path
) -> None:
    first = register(datasets, file)
    file.write_text("A,Y\n3,4\n")
    second = register(datasets, file)
    assert second.version == 2
    assert second.url.endswith("/data/diabetes-2.csv")
    assert azure.blobs.read("data/diabetes.csv") == b"A,Y\n1,2\n"
    assert [datasets.get_version(version) for version in ("1", "2", "latest")] == [first, second, second]
    assert register(datasets, file) == second


def test_who_may_not_look_is_not_told_that_there_is_none(datasets: AzureDatasets, azure: Azure, file: Path) -> None:
    register(datasets, file)
    azure.fail_next("GET", "/data(set)?/v1.0", make_error(403, "Forbidden", "no role"), times=9)
    with pytest.raises(PlatformError, match="no role"):
        datasets.get_version("latest")


def test_going_back_to_an_earlier_content_makes_it_the_newest(datasets: AzureDatasets, file: Path) -> None:
    """Azure does not accept an identical definition twice, so the same content gets its own file."""
    for content in ("A,Y\n1,2\n", "A,Y\n3,4\n", "A,Y\n1,2\n"):
        file.write_text(content)
        newest = register(datasets, file)
    assert (newest.version, newest.url.split("/")[-1]) == (3, "diabetes-3.csv")


def test_a_file_of_somebody_elses_is_not_written_over(datasets: AzureDatasets, azure: Azure, file: Path) -> None:
    azure.blobs.list_names()
    azure.blobs.azurite.client.get_blob_client(azure.blobs.container, "data/diabetes.csv").upload_blob(b"theirs")
    assert register(datasets, file).url.endswith("/data/diabetes-2.csv")
    assert azure.blobs.read("data/diabetes.csv") == b"theirs"


def test_a_version_that_others_have_registered_is_compared_by_its_content(
    datasets: AzureDatasets, session: AzureSession, azure: Azure, file: Path
) -> None:
    azure.blobs.list_names()
    azure.blobs.azurite.client.get_blob_client(azure.blobs.container, "in/x.csv").upload_blob(file.read_bytes())
    store = session.workspace.get_default_datastore()
    Dataset.File.from_files((store, "in/x.csv"), validate=False).register(session.workspace, "diabetes")
    assert register(datasets, file).url.endswith("/in/x.csv")


def test_a_version_that_is_not_there_says_so(datasets: AzureDatasets, file: Path) -> None:
    with pytest.raises(
        DatasetNotFoundError, match=r"no version 'latest' of the data set 'diabetes'.*provision --platform"
    ):
        datasets.get_version("latest")
    register(datasets, file)
    with pytest.raises(DatasetNotFoundError, match="no version '7' of the data set 'diabetes'"):
        datasets.get_version("7")
    with pytest.raises(DatasetNotFoundError, match="no version 'newest' of the data set 'diabetes'"):
        datasets.get_version("newest")


def test_a_data_set_of_several_files_is_refused(datasets: AzureDatasets, session: AzureSession) -> None:
    store = session.workspace.get_default_datastore()
    Dataset.File.from_files((store, "data/*.csv"), validate=False).register(session.workspace, "diabetes")
    with pytest.raises(
        UsageError,
        match=r"Version 1 of the data set 'diabetes' consists of azureml://.*must be one file in a datastore",
    ):
        datasets.get_version("1")


def test_a_file_of_another_format_is_refused(datasets: AzureDatasets, file: Path) -> None:
    other = file.rename(file.with_suffix(".parquet"))
    with pytest.raises(UsageError, match=r"sample.parquet cannot become.*Set a path that ends in .parquet"):
        datasets.stage(other)


def test_a_folder_of_parquet_files_is_uploaded_as_one_file(
    session: AzureSession, azure: Azure, workspace: Workspace, tmp_path: Path
) -> None:
    settings = replace(read_settings(workspace), dataset_path="data/sales.parquet")
    datasets = AzureDatasets(AzureSession(settings, workspace))
    folder = tmp_path / "sales"
    folder.mkdir()
    for part in (0, 1):
        pd.DataFrame({"A": [part], "Y": [2.5]}).to_parquet(folder / f"part-{part}.parquet")
    version = register(datasets, folder)
    assert version.url.endswith("/data/sales.parquet")
    uploaded = pd.read_parquet(io.BytesIO(azure.blobs.read("data/sales.parquet")))
    assert uploaded.to_numpy().tolist() == [[0, 2.5], [1, 2.5]]
    assert register(datasets, folder) == version


def test_zipped_csv_keeps_its_ending(azure: Azure, workspace: Workspace, file: Path) -> None:
    settings = replace(read_settings(workspace), dataset_path="data/sales.csv.gz")
    datasets = AzureDatasets(AzureSession(settings, workspace))
    urls = []
    for content in (b"A,Y\n1,2\n", b"A,Y\n3,4\n"):
        zipped = file.with_name("sample.csv.gz")
        zipped.write_bytes(gzip.compress(content))
        urls.append(register(datasets, zipped).url.rsplit("/", 1)[1])
    assert urls == ["sales.csv.gz", "sales-2.csv.gz"]


def test_a_role_that_does_not_count_yet_is_waited_for(datasets: AzureDatasets, azure: Azure, file: Path) -> None:
    refused = make_error(403, "AuthorizationPermissionMismatch", "This request is not authorized.")
    azure.fail_next("PUT", "data/diabetes.csv", refused, times=2)
    assert register(datasets, file).version == 1
    assert len(azure.find_requests("PUT", "data/diabetes.csv")) == 3


def test_a_missing_role_is_said_in_the_end_and_nothing_is_registered(
    datasets: AzureDatasets, azure: Azure, file: Path
) -> None:
    refused = make_error(403, "AuthorizationPermissionMismatch", "This request is not authorized.")
    azure.fail_next("PUT", "data/diabetes.csv", refused, times=99)
    with pytest.raises(PlatformError, match=r"Could not write abfs://.*Storage Blob Data Contributor"):
        register(datasets, file)
    assert azure.datasets.versions == {}


def test_a_registration_that_was_cut_off_succeeds_the_second_time(
    datasets: AzureDatasets, azure: Azure, file: Path
) -> None:
    azure.fail_next("POST", "/datasets$", None, times=99)
    with pytest.raises(PlatformError, match="Could not register the data set diabetes: Azure did not answer"):
        register(datasets, file)
    azure._faults.clear()
    assert register(datasets, file).version == 1
    assert azure.blobs.list_names("data/") == ["data/diabetes.csv"]
