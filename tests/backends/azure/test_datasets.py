"""The data set: what is uploaded and registered, by the real SDKs, blobs in Azurite."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from azureml.core import Dataset
from azureml.exceptions import UserErrorException
from doubles.azure.azure import Azure
from doubles.azure.names import ACCOUNT
from doubles.azure.routing import make_error
from given_parameters import load_parameters

from mlops.backends import open_backend
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.backends.azure.datasets import AzureDatasets
from mlops.backends.azure.infrastructure.infrastructure import AzureInfrastructure
from mlops.cli.options import use_registered_data
from mlops.errors import NotFoundError, PlatformError, UsageError
from mlops.files import hash_file
from mlops.pipelines import ALL_STEPS, BUILD
from mlops.platform.datasets import DatasetVersion
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow

(TEST_DATA,) = BUILD


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


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A data file."""
    path = tmp_path / "sample.csv"
    path.write_text("A,Y\n1,2\n")
    return path


def test_the_first_file_becomes_version_1(datasets: AzureDatasets, azure: Azure, file: Path) -> None:
    found = datasets.register(file)
    url = f"abfs://{azure.blobs.container}@{ACCOUNT}.dfs.core.windows.net/data/diabetes.csv"
    assert found == DatasetVersion("diabetes", 1, url)
    assert azure.blobs.read("data/diabetes.csv") == b"A,Y\n1,2\n"
    (sent,) = azure.find_requests("POST", "/dataset/v1.0/.*/datasets$")
    assert (sent.json["name"], sent.json["datasetType"]) == ("diabetes", "file")
    assert sent.json["tags"] == {"sha256": hash_file(file)}
    assert "/datastores/workspaceblobstore/paths/data/diabetes.csv" in sent.json["latest"]["dataflow"]


def test_the_same_content_again_is_the_same_version(datasets: AzureDatasets, azure: Azure, file: Path) -> None:
    assert datasets.register(file) == datasets.register(file)
    assert len(azure.find_requests("POST", "/datasets$")) == 1


def test_another_content_is_a_version_whose_file_stands_beside_the_old_one(
    datasets: AzureDatasets, azure: Azure, file: Path
) -> None:
    first = datasets.register(file)
    file.write_text("A,Y\n3,4\n")
    second = datasets.register(file)
    assert second.version == 2
    assert second.url.endswith("/data/diabetes-2.csv")
    assert azure.blobs.read("data/diabetes.csv") == b"A,Y\n1,2\n"
    assert [datasets.find(version) for version in ("1", "2", "latest", "")] == [first, second, second, second]
    assert datasets.register(file) == second


def test_the_first_file_leaves_newer_ones_alone(datasets: AzureDatasets, file: Path) -> None:
    """Or setting up again would put the old rows back."""
    first = file.read_text()
    assert datasets.register(file, only_first=True).version == 1
    file.write_text("A,Y\n3,4\n")
    newest = datasets.register(file)
    file.write_text(first)
    assert datasets.register(file, only_first=True) == newest == datasets.find("latest")


def test_who_may_not_look_is_not_told_that_there_is_none(datasets: AzureDatasets, azure: Azure, file: Path) -> None:
    datasets.register(file)
    azure.fail_next("GET", "/data(set)?/v1.0", make_error(403, "Forbidden", "no role"), times=9)
    with pytest.raises(UserErrorException, match="no role"):
        datasets.find("latest")


def test_going_back_to_an_earlier_content_makes_it_the_newest(datasets: AzureDatasets, file: Path) -> None:
    """Azure takes no identical definition twice: the same content gets a file of its own."""
    for content in ("A,Y\n1,2\n", "A,Y\n3,4\n", "A,Y\n1,2\n"):
        file.write_text(content)
        newest = datasets.register(file)
    assert (newest.version, newest.url.split("/")[-1]) == (3, "diabetes-3.csv")


def test_a_file_of_somebody_elses_is_not_written_over(datasets: AzureDatasets, azure: Azure, file: Path) -> None:
    azure.blobs.list_names()
    azure.blobs.azurite.client.get_blob_client(azure.blobs.container, "data/diabetes.csv").upload_blob(b"theirs")
    assert datasets.register(file).url.endswith("/data/diabetes-2.csv")
    assert azure.blobs.read("data/diabetes.csv") == b"theirs"


def test_a_version_that_others_have_registered_is_compared_by_its_content(
    datasets: AzureDatasets, session: AzureSession, azure: Azure, file: Path
) -> None:
    azure.blobs.list_names()
    azure.blobs.azurite.client.get_blob_client(azure.blobs.container, "in/x.csv").upload_blob(file.read_bytes())
    store = session.workspace.get_default_datastore()
    Dataset.File.from_files((store, "in/x.csv"), validate=False).register(session.workspace, "diabetes")
    assert datasets.register(file).url.endswith("/in/x.csv")


def arrive(azure: Azure, name: str, content: bytes) -> None:
    """Put a file where somebody who brings data puts it; Azure counts in seconds when it came."""
    azure.blobs.write(name, content)
    time.sleep(1.1)


def test_the_file_that_arrived_last_is_new_data_and_becomes_a_version_when_it_is_kept(
    datasets: AzureDatasets, azure: Azure, file: Path
) -> None:
    first = datasets.register(file)
    arrive(azure, "incoming/a.csv", b"A,Y\n5,6\n")
    arrive(azure, "incoming/b.parquet", b"rows")
    azure.blobs.write("incoming/deeper/c.csv", b"not looked at")
    azure.blobs.write("incoming/folder.parquet/part-0.parquet", b"neither: a folder is no file")
    azure.blobs.write("incoming/notes.txt", b"no data")
    url = datasets.find_new()
    assert url.endswith("/data/diabetes-2.parquet")
    assert datasets.find("latest") == first
    azure.blobs.write("incoming/b.parquet", b"written over")  # the copy is what is tested, trained on and kept
    kept = datasets.keep(url)
    assert kept == DatasetVersion("diabetes", 2, url) == datasets.find("latest") == datasets.keep(url)
    assert azure.blobs.read("data/diabetes-2.parquet") == b"rows"


def test_new_data_that_is_the_newest_version_already_is_no_new_version(
    datasets: AzureDatasets, azure: Azure, file: Path
) -> None:
    first = datasets.register(file)
    azure.blobs.write("incoming/a.csv", file.read_bytes())
    assert datasets.find_new() == first.url
    assert datasets.keep(first.url) == first
    assert azure.blobs.list_names("data/") == ["data/diabetes.csv"]


def test_new_data_that_was_refused_leaves_its_copy_and_the_next_file_gets_a_place_of_its_own(
    datasets: AzureDatasets, azure: Azure, file: Path
) -> None:
    datasets.register(file)
    arrive(azure, "incoming/bad.csv", b"bad")
    assert datasets.find_new() == datasets.find_new()
    arrive(azure, "incoming/good.csv", b"good")
    url = datasets.find_new()
    assert url.endswith("/data/diabetes-3.csv")
    assert datasets.keep(url).version == 2


def test_no_new_data_and_no_folder_for_it_are_said(
    datasets: AzureDatasets, azure: Azure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.blobs.list_names()
    with pytest.raises(NotFoundError, match=r"no file that ends in .csv or .parquet in the folder incoming of"):
        datasets.find_new()
    settings = replace(read_settings(workspace), data_trigger_path="")
    with pytest.raises(UsageError, match=r"no folder is watched for new data: set azure.data_trigger_path"):
        AzureDatasets(AzureSession(settings, workspace)).find_new()


def test_a_version_that_is_not_there_says_so(datasets: AzureDatasets, file: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no data set 'diabetes' of version 'latest'.*provision --platform azure`"):
        datasets.find("latest")
    datasets.register(file)
    with pytest.raises(NotFoundError, match="'diabetes' of version '7'"):
        datasets.find("7")
    with pytest.raises(NotFoundError, match="'diabetes' of version 'newest'"):
        datasets.find("newest")


def test_a_run_trains_on_the_registered_data_unless_somebody_names_a_file(
    datasets: AzureDatasets, workspace: Workspace, file: Path
) -> None:
    backend = open_backend("azure", workspace)
    parameters = load_parameters(workspace.project, ALL_STEPS, platform="azure")
    with pytest.raises(NotFoundError, match="`mlops provision --platform azure` registers the first one"):
        use_registered_data(parameters, TEST_DATA, backend)
    registered = datasets.register(file)
    assert use_registered_data(parameters, TEST_DATA, backend).values["test_data"]["data_path"] == registered.url
    named = load_parameters(workspace.project, ALL_STEPS, ["test_data.data_path=my.csv"], "azure")
    assert use_registered_data(named, TEST_DATA, backend) == named
    at_home = load_parameters(workspace.project, ALL_STEPS)
    sample = use_registered_data(at_home, TEST_DATA, open_backend("local", workspace))
    assert sample.values["test_data"]["data_path"] == ""


def test_a_data_set_of_several_files_is_refused(datasets: AzureDatasets, session: AzureSession) -> None:
    store = session.workspace.get_default_datastore()
    Dataset.File.from_files((store, "data/*.csv"), validate=False).register(session.workspace, "diabetes")
    with pytest.raises(UsageError, match=r"'diabetes' version 1 is azureml://.*must be one file in a datastore"):
        datasets.find("1")


def test_a_file_of_another_format_is_refused(datasets: AzureDatasets, file: Path) -> None:
    other = file.rename(file.with_suffix(".parquet"))
    with pytest.raises(UsageError, match=r"sample.parquet cannot become.*let it end in .parquet"):
        datasets.register(other)


def test_a_role_that_does_not_count_yet_is_waited_for(datasets: AzureDatasets, azure: Azure, file: Path) -> None:
    refused = make_error(403, "AuthorizationPermissionMismatch", "This request is not authorized.")
    azure.fail_next("PUT", "data/diabetes.csv", refused, times=2)
    assert datasets.register(file).version == 1
    assert len(azure.find_requests("PUT", "data/diabetes.csv")) == 3


def test_a_missing_role_is_said_in_the_end_and_nothing_is_registered(
    session: AzureSession, azure: Azure, file: Path, stopped: object
) -> None:
    refused = make_error(403, "AuthorizationPermissionMismatch", "This request is not authorized.")
    azure.fail_next("PUT", "data/diabetes.csv", refused, times=99)
    infrastructure = AzureInfrastructure(session, stopped)  # type: ignore[arg-type]
    infrastructure.datasets.rights_seconds, infrastructure.datasets.pause_seconds = 0.2, 0.05
    with pytest.raises(PlatformError, match=r"we may not write abfs://.*Storage Blob Data Contributor"):
        infrastructure.register_dataset(file)
    assert azure.datasets.versions == {}


def test_a_registration_that_was_cut_off_succeeds_the_second_time(
    session: AzureSession, azure: Azure, file: Path, stopped: object
) -> None:
    infrastructure = AzureInfrastructure(session, stopped)  # type: ignore[arg-type]
    azure.fail_next("POST", "/datasets$", None, times=9)
    with pytest.raises(PlatformError, match="Azure did not register the data set diabetes"):
        infrastructure.register_dataset(file)
    azure._faults.clear()
    assert infrastructure.register_dataset(file).version == 1
    assert azure.blobs.list_names("data/") == ["data/diabetes.csv"]
