"""Images: the build requests to Azure, the records of an image, and the state after a failed build."""

import json
import sys
import tarfile
from pathlib import Path

import pytest
from doubles.azure.azure import Azure
from doubles.azure.container_registry import HOST
from doubles.azure.routing import make_error
from tiny_model import PIN, deploy, make_bundle, publish, register

from mlops.backends import open_backend
from mlops.backends.azure.images.sdk_environments import list_packages
from mlops.errors import ImageNotFoundError, IntegrityError, PlatformError, UsageError
from mlops.files.hashes import hash_content
from mlops.image.bundle import digest_bundle
from mlops.image.sources import ImageSources
from mlops.platform.backend import Backend
from mlops.release.choice import explain_outdated
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow
BUILD = "/packages$"


@pytest.fixture
def backend(azure: Azure, workspace: Workspace) -> Backend:
    """The platform."""
    return open_backend("azure", workspace)


def test_azure_is_asked_to_build_the_model_the_entry_script_and_pinned_packages(
    azure: Azure, backend: Backend, tmp_path: Path
) -> None:
    image = publish(backend, tmp_path)
    (asked,) = azure.find_requests("POST", BUILD)
    request = asked.json["imageRequest"]
    assert (asked.json["packageType"], asked.json["imageName"]) == ("DockerImage", "tiny")
    assert asked.json["imageLabel"].startswith(digest_bundle(tmp_path / "bundle-1.0")[7:19])
    assert request["modelIds"] == ["tiny:1"]
    variables = request["environment"]["environmentVariables"]
    assert variables["AZUREML_ENTRY_SCRIPT"] == "bundle/serving/azure_entry.py"
    python, pip = request["environment"]["python"]["condaDependencies"]["dependencies"]
    assert python == "python={}.{}".format(*sys.version_info)
    packages = [line for line in pip["pip"] if not line.startswith("--")]
    assert PIN in packages
    assert {"adlfs", "azureml-inference-server-http"} < {line.split("==")[0] for line in packages}
    assert all("==" in line for line in packages)
    assert image.url == f"{HOST}/tiny@{image.digest}"
    assert image.digest == azure.container_registry.tags["tiny", asked.json["imageLabel"]]


def test_the_same_is_built_once_also_from_another_machine(
    azure: Azure, backend: Backend, workspace: Workspace, tmp_path: Path
) -> None:
    image = publish(backend, tmp_path)
    model = backend.registry.get_version("tiny", 1)
    other = open_backend("azure", workspace)
    assert other.images.publish(tmp_path / "bundle-1.0", model) == image
    assert other.images.list_files(image) == backend.images.list_files(image)
    assert list(other.images.list_files(image))[:3] == ["example.json", "examples.json", "manifest.json"]
    assert len(azure.find_requests("POST", BUILD)) == 1


def test_publishing_and_looking_at_an_image_reads_its_record_once(
    azure: Azure, backend: Backend, tmp_path: Path
) -> None:
    """Run the steps of 05_create_image."""
    image = publish(backend, tmp_path)
    assert backend.images.get_image(image.digest) == image
    assert "example.json" in backend.images.list_files(image)
    assert len(azure.find_requests("GET", "mlops/images/")) == 1


def test_the_newest_image_of_a_version_is_found(backend: Backend, tmp_path: Path) -> None:
    first = publish(backend, tmp_path)
    model = backend.registry.get_version("tiny", 1)
    (tmp_path / "again").mkdir()
    second = backend.images.publish(make_bundle(tmp_path / "again", model, 2.0), model)
    assert backend.images.find_image(model) == second
    backend.images.publish(tmp_path / "bundle-1.0", model)
    assert backend.images.find_image(model) == first
    assert backend.images.get_image(second.digest) == second


def test_a_second_image_of_a_version_is_created_for_a_changed_script(
    azure: Azure, backend: Backend, workspace: Workspace, tmp_path: Path
) -> None:
    """An older version recorded the first image without the hashes of its files."""
    first = publish(backend, tmp_path)
    model = backend.registry.get_version("tiny", 1)
    sources = ImageSources(tmp_path, tmp_path / "score.py", tmp_path / "requirements.txt", (), b"{}")
    name = f"mlops/images/{first.digest.removeprefix('sha256:')}.json"
    recorded = json.loads(azure.blobs.read(name))
    assert recorded.pop("hashes")["score.py"] == hash_content((tmp_path / "score.py").read_bytes())
    azure.blobs.write(name, json.dumps(recorded).encode())
    later = open_backend("azure", workspace)
    assert explain_outdated(later, model, sources).startswith("The schema of the problem has changed")  # it has none
    sources.script.write_text("def init(): ...\n")
    assert explain_outdated(later, model, sources) == (
        "score.py and the schema of the problem have changed since the image of tiny:1 was created."
    )
    second = later.images.publish(make_bundle(tmp_path, model, 1.0, sources.script.read_text()), model)
    assert (second.digest != first.digest, later.images.find_image(model)) == (True, second)
    assert len(azure.find_requests("POST", BUILD)) == 2
    assert "score.py" not in explain_outdated(open_backend("azure", workspace), model, sources)


def test_a_build_that_fails_says_where_its_log_is_and_leaves_nothing_that_is_taken_for_an_image(
    azure: Azure, backend: Backend, tmp_path: Path
) -> None:
    azure.packages.break_next.append("ERROR: no matching distribution for msgspec")
    with pytest.raises(PlatformError) as raised:
        publish(backend, tmp_path)
    said = str(raised.value)
    assert "Failed Building the Environment" in said
    assert "azureml-logs/package-tiny-" in said
    assert said.endswith("ERROR: no matching distribution for msgspec")
    assert "sig=" not in said
    model = backend.registry.get_version("tiny", 1)
    assert backend.images.find_image(model) is None
    assert azure.blobs.list_names("mlops/") == []
    assert backend.images.publish(tmp_path / "bundle-1.0", model).name == "tiny:1"


def test_an_image_that_was_built_but_not_recorded_is_not_built_again(
    azure: Azure, backend: Backend, tmp_path: Path
) -> None:
    azure.fail_next("PUT", "mlops/models/tiny/1.json", make_error(403, "AuthorizationFailure", "not allowed"))
    with pytest.raises(PlatformError, match="Could not create the image tiny:1"):
        publish(backend, tmp_path)
    model = backend.registry.get_version("tiny", 1)
    assert backend.images.find_image(model) is None
    image = backend.images.publish(tmp_path / "bundle-1.0", model)
    assert backend.images.find_image(model) == image
    assert len(azure.find_requests("POST", BUILD)) == 1


def test_a_busy_azure_is_asked_again(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    busy = make_error(503, "ServiceUnavailable", "The server is busy.")
    azure.fail_next("GET", f"{HOST}/acr/v1", type(busy)(503, busy.body, {"Retry-After": "0"}))
    azure.fail_next("GET", f"{HOST}/acr/v1", None)
    azure.fail_next("POST", BUILD, None)
    assert publish(backend, tmp_path).name == "tiny:1"


def test_an_image_that_is_gone_from_the_registry_is_not_found_and_can_be_built_anew(
    azure: Azure, backend: Backend, tmp_path: Path
) -> None:
    image = publish(backend, tmp_path)
    azure.container_registry.manifests.clear()
    azure.container_registry.tags.clear()
    with pytest.raises(
        ImageNotFoundError, match=f"The image {image.digest} is no longer in {HOST}. Run 05_create_image."
    ):
        backend.images.get_image(image.digest)
    model = backend.registry.get_version("tiny", 1)
    assert backend.images.publish(tmp_path / "bundle-1.0", model).digest != image.digest


def test_a_bundle_that_was_changed_is_not_deployed(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    image = publish(backend, tmp_path)
    other = publish(backend, tmp_path, 2.0)
    bundles = {name: azure.blobs.read(name) for name in azure.blobs.list_names("mlops/bundles/")}
    (first, second) = bundles
    azure.blobs.write(first, bundles[second])
    azure.blobs.write(second, bundles[first])
    for each in (image, other):
        with pytest.raises(IntegrityError, match=r"manifest.json has changed"):
            deploy(backend, "qa", each)
    assert azure.web_services.services == {}


def test_a_bundle_is_unpacked_by_a_tarfile_without_filters(
    azure: Azure, backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.11.2 of Debian 12 has no filters."""
    image, extract = publish(backend, tmp_path), tarfile.TarFile.extractall
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    monkeypatch.setattr(tarfile.TarFile, "extractall", lambda archive, folder: extract(archive, folder))
    assert backend.images.read_file(image, "example.json") == (tmp_path / "bundle-1.0" / "example.json").read_bytes()


def test_a_model_that_cannot_name_a_repository_is_refused(backend: Backend, tmp_path: Path) -> None:
    model = register(backend, tmp_path)
    bundle = make_bundle(tmp_path, model, 1.0)
    odd = type(model)("_tiny", 1, model.run_id, model.files, model.tags)
    with pytest.raises(UsageError, match="'_tiny' cannot be the name of a repository"):
        backend.images.publish(bundle, odd)


def test_the_packages_are_those_of_linux_on_the_python_that_tried_the_model(tmp_path: Path) -> None:
    series = "{}.{}".format(*sys.version_info)
    (tmp_path / "requirements.txt").write_text(
        "uvloop==0.1 ; sys_platform != 'win32'\nwinloop==0.1 ; sys_platform == 'win32'\nnumpy==2.0.0\n"
        f"scipy==1.0 ; python_version == '{series}'\nscipy==2.0 ; python_version != '{series}'\n"
    )
    packages = list_packages(tmp_path)
    assert {"uvloop==0.1", "numpy==2.0.0", "scipy==1.0"} < set(packages)
    assert "winloop==0.1" not in packages
    assert len({line.split("==")[0] for line in packages}) == len(packages)
