"""The settings of Azure, and the message on a machine without its packages."""

import subprocess
import sys
from dataclasses import replace
from functools import partial
from importlib.abc import MetaPathFinder
from pathlib import Path

import pytest

from mlops.backends import open_backend
from mlops.backends.azure.connection.machines import count_cores
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import (
    DECLARED,
    NAMED_AFTER_MODEL,
    AzureSettings,
    read_settings,
    require_subscription,
)
from mlops.backends.azure.datasets import AzureDatasets
from mlops.backends.azure.services.web_services import name_service
from mlops.errors import ParameterError, ProblemError, UsageError
from mlops.workspace import Workspace

GUID = "00000000-0000-0000-0000-000000000001"
CASES = {
    "unknown": ("compute_nodes: 4", "azure.yml: azure.compute_nodes is unknown. Did you mean 'compute_min_nodes'?"),
    "type": ("compute_max_nodes: many", "azure.compute_max_nodes is 'many', but it must be a whole number"),
    "range": ("compute_idle_seconds: 5", r"azure.compute_idle_seconds is 5, but .* in \[60, 86400\]"),
    "option": ("compute_priority: cheap", "'cheap', but it must be one of lowpriority, dedicated"),
    "name": ("qa_service: Diabetes QA", "azure.qa_service is 'Diabetes QA', but it must be"),
    "names": ("qa_service: model-production", "are both 'model-production'. Set different names."),
    "folders": ("data_trigger_path: data/", "azure.data_trigger_path is 'data', which is also the folder of azure.d"),
    "nodes": ("kubernetes_min_nodes: 2", r"azure.kubernetes_min_nodes is 2, but .* in \[3, 1000\]"),
    "cores": ("kubernetes_vm_size: Standard_D2s_v5", "is 3, and Standard_D2s_v5 has 2 cores, but production needs 12"),
    "registry": ("container_registry: my-registry", "azure.container_registry is 'my-registry', but it must be"),
    "limits": ("compute_min_nodes: 9", "azure.compute_min_nodes is 9, but compute_max_nodes is only 4"),
}


@pytest.fixture
def written(tmp_path: Path) -> Workspace:
    """A project that has only parameters."""
    (tmp_path / "parameters").mkdir()
    return Workspace(tmp_path, tmp_path / "home", tmp_path / "outputs")


def write(workspace: Workspace, line: str) -> Workspace:
    """Write a line into the section azure."""
    (workspace.parameters / "azure.yml").write_text(f"azure:\n  {line}\n")
    return workspace


def test_every_setting_is_in_the_file(project: Path, workspace: Workspace) -> None:
    """The values in the checkout are the user's, so the defaults are those of the sandbox."""
    assert read_settings(workspace, {}) == replace(
        AzureSettings(),
        dataset="diabetes",
        dataset_path="data/diabetes.csv",
        pipeline="diabetes-retraining",
        qa_service="diabetes-qa",
        production_service="diabetes-production",
    )
    listed = (project / "parameters" / "azure.yml").read_text()
    assert [known.name for known in DECLARED if f"\n  {known.name}: " not in listed] == []


def test_a_setting_is_named_by_the_variable_or_the_file_that_sets_it(written: Workspace) -> None:
    settings = read_settings(write(written, "qa_cpu_cores: 2"), {"MLOPS_AZURE_QA_SERVICE": "my-qa"})
    assert settings.name("qa_service") == "MLOPS_AZURE_QA_SERVICE"
    assert settings.name("qa_cpu_cores") == "azure.qa_cpu_cores in parameters/azure.yml"
    assert settings.name("production_service") == "azure.production_service in parameters/azure.yml"


def test_names_that_are_left_empty_are_made_of_the_model_s(written: Workspace) -> None:
    (written.parameters / "base.yml").write_text("shared: {model_name: churn}")
    settings = read_settings(write(written, 'qa_service: ""'), {"MLOPS_AZURE_PIPELINE": "own"})
    assert (settings.dataset, settings.dataset_path) == ("churn", "data/churn.csv")
    assert (settings.pipeline, settings.qa_service, settings.production_service) == (
        "own",
        "churn-qa",
        "churn-production",
    )
    (written.parameters / "base.yml").write_text("shared: {model_name: my_churn}")
    with pytest.raises(
        ParameterError, match="azure.qa_service, named after my_churn, is 'my_churn-qa', but it must be"
    ):
        read_settings(written, {})


def test_a_broken_problem_is_an_error_only_where_a_name_derives_from_it(
    written: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "broken_one.py").write_text("raise RuntimeError('no data')")
    (written.parameters / "base.yml").write_text("platform: azure\nproblem: broken_one")
    settings = read_settings(write(written, "qa_service: own-qa"), {})
    assert (settings.require_name("qa_service"), name_service(settings, "qa")) == ("own-qa", "own-qa")
    for need_name in (
        partial(name_service, settings, "production"),
        AzureDatasets(AzureSession(settings, written)).find_newest,
    ):
        with pytest.raises(
            ProblemError, match=r"^Could not import the problem 'broken_one'\. .*: RuntimeError: no data\. "
        ):
            need_name()
    names = {name: "own-1" for name in NAMED_AFTER_MODEL if name != "dataset_path"} | {"qa_service": "own-2"}
    environ = {f"MLOPS_AZURE_{name.upper()}": value for name, value in names.items()}
    assert read_settings(written, environ | {"MLOPS_AZURE_DATASET_PATH": "data/own.csv"}).unnamed is None


@pytest.mark.parametrize(("line", "message"), CASES.values(), ids=CASES)
def test_wrong_settings_are_named(written: Workspace, line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_settings(write(written, line), {})


@pytest.mark.parametrize(
    ("size", "cores"),
    [
        ("Standard_DS3_v2", 4),
        ("Standard_D3_v2_Promo", 4),
        ("Standard_DS12_v2", 4),
        ("Standard_D4s_v5", 4),
        ("Standard_E8-4ds_v5", 4),
        ("Standard_NC4as_T4_v3", 4),
        ("Standard_F16s_v2", 16),
        ("Standard_G1", None),
        ("unheard-of", None),
    ],
)
def test_the_name_of_a_size_tells_its_cores(size: str, cores: int | None) -> None:
    assert count_cores(size) == cores


def test_a_cluster_of_ones_own_is_not_counted(written: Workspace) -> None:
    small = {"MLOPS_AZURE_KUBERNETES_VM_SIZE": "Standard_D2s_v5"}
    assert read_settings(write(written, "kubernetes_resource_id: /subscriptions/s/own"), small)
    assert read_settings(write(written, "kubernetes_min_nodes: 6"), small)


def test_the_environment_wins(written: Workspace) -> None:
    environ = {"MLOPS_AZURE_RESOURCE_GROUP": "theirs", "MLOPS_AZURE_COMPUTE_MAX_NODES": "8", "MLOPS_AZURE_LOCATION": ""}
    settings = read_settings(write(written, "resource_group: ours"), environ)
    assert (settings.resource_group, settings.compute_max_nodes, settings.location) == ("theirs", 8, "westeurope")
    with pytest.raises(ParameterError, match="MLOPS_AZURE_COMPUTE_MAX_NODES is lots, but it must be"):
        read_settings(written, {"MLOPS_AZURE_COMPUTE_MAX_NODES": "lots"})
    with pytest.raises(ParameterError, match="MLOPS_AZURE_COMPUTE_MAX_NODES is {, but it must be"):
        read_settings(written, {"MLOPS_AZURE_COMPUTE_MAX_NODES": "{"})
    with pytest.raises(ParameterError, match="MLOPS_AZURE_COMPUT_NAME is unknown. Did you mean 'compute_name'"):
        read_settings(written, {"MLOPS_AZURE_COMPUT_NAME": "c"})


def test_a_subscription_is_asked_for_with_the_way_to_find_it(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="MLOPS_AZURE_SUBSCRIPTION_ID. `az account show --query id` prints yours"):
        require_subscription(read_settings(workspace, {}))
    given = read_settings(workspace, {"MLOPS_AZURE_SUBSCRIPTION_ID": GUID})
    assert require_subscription(given) == GUID


class Missing(MetaPathFinder):
    """An importer that pretends that the packages of Azure are not installed."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Refuse the packages of Azure."""
        if fullname.split(".")[0] in ("azure", "azureml", "adlfs"):
            raise ModuleNotFoundError(fullname)


def test_without_its_packages_it_says_which_extra_to_install(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in ("azure", "azureml", "adlfs")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(UsageError, match=r"not installed: azureml\.core and 9 more\. Run `make setup EXTRAS=azure`,"):
        open_backend("azure", workspace)
    open_backend("local", workspace)


def test_opening_the_platform_imports_no_package_of_azure(project: Path) -> None:
    """The packages take seconds to import, so they are imported only before the first request to Azure."""
    code = """
import sys
from mlops.backends import open_backend
open_backend("azure")
loaded = {name for name in sys.modules if name.startswith(("azureml.core", "azure.core", "adlfs"))}
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], cwd=project, check=True, timeout=60)
