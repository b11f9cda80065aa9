"""From parameters to the SDK's requests for a service: golden bodies, and values that the SDK itself refuses."""

from dataclasses import replace
from typing import Any

import pytest

from mlops.backends.azure.connection.settings import AzureSettings, read_settings
from mlops.backends.azure.services.configuration import has_size, list_changeable, make_configuration
from mlops.errors import UsageError
from mlops.workspace import Workspace

TAGS = {"digest": "sha256:1"}


@pytest.fixture
def settings(workspace: Workspace) -> AzureSettings:
    """The settings in parameters/azure.yml."""
    return read_settings(workspace, {})


def build(settings: AzureSettings, environment: str) -> dict[str, Any]:
    """Return the body that the SDK creates from a configuration, without empty values."""
    configuration = make_configuration(settings, environment, TAGS)
    body = configuration._build_create_payload("the-service", {"an": "image"})
    body.pop("properties")  # the SDK adds the state of git
    return {name: value for name, value in body.items() if value is not None}


def test_qa_runs_on_container_instances_behind_a_key(settings: AzureSettings) -> None:
    assert build(settings, "qa") == {
        "name": "the-service",
        "computeType": "ACI",
        "location": "westeurope",
        "containerResourceRequirements": {"cpu": 1.0, "memoryInGB": 1.0},
        "authEnabled": True,
        "appInsightsEnabled": True,
        "kvTags": TAGS,
        "keys": {"primaryKey": None, "secondaryKey": None},
        "environmentImageRequest": {"an": "image"},
    }


def test_production_runs_on_kubernetes_scaled_watched_and_collected(settings: AzureSettings) -> None:
    settings = replace(settings, production_max_replicas=7, production_target_utilization=55, kubernetes_name="big")
    configuration = make_configuration(settings, "production", TAGS)
    assert configuration.compute_target_name == "big"
    body = build(settings, "production")
    assert body["computeType"] == "AKS"
    assert body["autoScaler"] == {
        "autoscaleEnabled": True,
        "minReplicas": 1,
        "maxReplicas": 7,
        "targetUtilization": 55,
        "refreshPeriodInSeconds": None,
    }
    requirements = {name: value for name, value in body["containerResourceRequirements"].items() if value is not None}
    assert requirements == {"cpu": 0.5, "memoryInGB": 1.0}
    assert (body["authEnabled"], body["appInsightsEnabled"]) == (True, True)
    assert body["dataCollection"] == {"storageEnabled": True, "eventHubEnabled": False}


def test_a_share_of_0_collects_nothing(settings: AzureSettings) -> None:
    assert "dataCollection" not in build(replace(settings, collect_share=0.0), "production")


@pytest.mark.parametrize(
    ("environment", "wrong", "said"),
    [
        ("qa", {"qa_cpu_cores": 0}, r"azure\.qa_cpu_cores in {file} is 0: .*cpu_cores must be positive"),
        ("qa", {"qa_memory_gb": -1}, r"azure\.qa_memory_gb in {file} is -1: .*memory_gb must be positive"),
        ("production", {"production_cpu_cores": 0}, r"azure\.production_cpu_cores in {file} is 0: .*greater than zero"),
        (
            "production",
            {"production_min_replicas": 9, "production_max_replicas": 2},
            r"azure\.production_min_replicas in {file} is 9, azure\.production_max_replicas in {file} is 2: .*cannot "
            "be greater",
        ),
    ],
)
def test_what_the_sdk_does_not_take_names_the_setting(
    settings: AzureSettings, environment: str, wrong: dict[str, float], said: str
) -> None:
    with pytest.raises(UsageError, match="^" + said.format(file="parameters/azure.yml")):
        make_configuration(replace(settings, **wrong), environment, TAGS)  # type: ignore[arg-type]


def test_what_the_sdk_does_not_take_names_the_variable_that_sets_it(workspace: Workspace) -> None:
    settings = read_settings(workspace, {"MLOPS_AZURE_QA_CPU_CORES": "1"})
    with pytest.raises(UsageError, match="^MLOPS_AZURE_QA_CPU_CORES is 0: "):
        make_configuration(replace(settings, qa_cpu_cores=0), "qa", TAGS)


def test_the_size_of_a_container_group_is_not_changed_in_place(settings: AzureSettings) -> None:
    class Service:
        container_resource_requirements = type("Requirements", (), {"cpu": 1.0, "memory_in_gb": 1.0})

    assert "cpu_cores" not in list_changeable(settings, "qa")
    assert list_changeable(settings, "production")["cpu_cores"] == 0.5
    assert has_size(Service, settings, "qa")
    assert not has_size(Service, replace(settings, qa_cpu_cores=2.0), "qa")
    assert has_size(Service, replace(settings, production_cpu_cores=2.0), "production")
