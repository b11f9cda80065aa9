"""The settings of Azure Machine Learning: the section ``azure`` of ``parameters/azure.yml``, and the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import yaml

from mlops.errors import UsageError
from mlops.parameters.declarations import Parameter, Setting
from mlops.parameters.layers import check_section, read_layer
from mlops.workspace import Workspace

PREFIX = "MLOPS_AZURE_"
NAME = "[A-Za-z0-9][A-Za-z0-9_.-]*"
SERVICE_NAME = "[a-z][a-z0-9-]{1,30}[a-z0-9]"  # the SDK's own rule for web services
GUID = "(|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
DECLARED = (
    Parameter("subscription_id", "", "who is billed", pattern=GUID),
    Parameter("resource_group", "mlops-rg", "holds all that is made", pattern=NAME),
    Parameter("workspace", "mlops-ws", "the Machine Learning workspace", pattern="[A-Za-z0-9][A-Za-z0-9-]{2,32}"),
    Parameter("location", "westeurope", "region of all that is made", pattern="[a-z0-9]+"),
    Parameter("compute_name", "cpu-cluster", "runs the retraining", pattern="[A-Za-z][A-Za-z0-9-]{0,14}[A-Za-z0-9]"),
    Parameter("compute_vm_size", "Standard_DS2_v2", "size of its nodes", pattern=r"\w+"),
    Parameter("compute_min_nodes", 0, "nodes that stay", "[0, 1000]"),
    Parameter("compute_max_nodes", 4, "nodes at most", "[1, 1000]"),
    Parameter("compute_idle_seconds", 300, "after which a node is given back", "[60, 86400]"),
    Parameter("compute_priority", "lowpriority", "price against eviction", options=("lowpriority", "dedicated")),
    Parameter("kubernetes_name", "aks", "runs production", pattern="[A-Za-z][A-Za-z0-9-]{0,14}[A-Za-z0-9]"),
    Parameter(
        "kubernetes_resource_id", "", "a cluster to attach instead of making one", pattern="(|/subscriptions/.+)"
    ),
    Parameter("kubernetes_vm_size", "Standard_DS3_v2", "size of its nodes", pattern=r"\w+"),
    Parameter("kubernetes_min_nodes", 3, "nodes that stay", "[1, 1000]"),
    Parameter("kubernetes_max_nodes", 6, "nodes at most", "[1, 1000]"),
    Parameter("dataset", "diabetes", "the registered data set", pattern=NAME),
    Parameter("dataset_path", "data/diabetes.csv", "its file in the blob container", pattern=r"[^/].*\.(csv|parquet)"),
    Parameter("pipeline", "diabetes-retraining", "the published pipeline", pattern=NAME),
    Parameter("recurrence", "day", "how often it runs", options=("none", "minute", "hour", "day", "week", "month")),
    Parameter(
        "data_trigger_path", "incoming", "a file that arrives in it is tested and trained on", pattern=r"(|[^/].*)"
    ),
    Parameter("data_trigger_minutes", 60, "how often it looks", "[1, 10080]"),
    Parameter("qa_service", "diabetes-qa", "name of the service", pattern=SERVICE_NAME),
    Parameter("qa_cpu_cores", 1.0, "cores", "[0.1, 64]"),
    Parameter("qa_memory_gb", 1.0, "gigabytes", "[0.1, 512]"),
    Parameter("production_service", "diabetes-production", "name of the service", pattern=SERVICE_NAME),
    Parameter("production_cpu_cores", 0.5, "cores a replica", "[0.1, 64]"),
    Parameter("production_memory_gb", 1.0, "gigabytes a replica", "[0.1, 512]"),
    Parameter("production_min_replicas", 1, "replicas that stay", "[1, 1000]"),
    Parameter("production_max_replicas", 10, "replicas at most", "[1, 1000]"),
    Parameter("production_target_utilization", 70, "percent", "[1, 100]"),
)
LIMITS = (  # a least value must not be above the most
    ("compute_min_nodes", "compute_max_nodes"),
    ("kubernetes_min_nodes", "kubernetes_max_nodes"),
    ("production_min_replicas", "production_max_replicas"),
)


@dataclass(frozen=True)
class AzureSettings:
    """Names, sizes and limits on Azure; ``parameters/azure.yml`` says what each is."""

    subscription_id: str
    resource_group: str
    workspace: str
    location: str
    compute_name: str
    compute_vm_size: str
    compute_min_nodes: int
    compute_max_nodes: int
    compute_idle_seconds: int
    compute_priority: str
    kubernetes_name: str
    kubernetes_resource_id: str
    kubernetes_vm_size: str
    kubernetes_min_nodes: int
    kubernetes_max_nodes: int
    dataset: str
    dataset_path: str
    pipeline: str
    recurrence: str
    data_trigger_path: str
    data_trigger_minutes: int
    qa_service: str
    qa_cpu_cores: float
    qa_memory_gb: float
    production_service: str
    production_cpu_cores: float
    production_memory_gb: float
    production_min_replicas: int
    production_max_replicas: int
    production_target_utilization: int


def read_settings(workspace: Workspace, environ: Mapping[str, str] | None = None) -> AzureSettings:
    """Read the settings: the file's, and over them what the environment says.

    Parameters
    ----------
    workspace : Workspace
        The project.
    environ : mapping, optional
        The environment; this process's by default. ``MLOPS_AZURE_RESOURCE_GROUP`` sets ``resource_group``.

    Raises
    ------
    ParameterError
        For an unknown key, a wrong type, a value out of range.
    """
    environ = os.environ if environ is None else environ
    path = workspace.parameters / "azure.yml"
    given = dict(read_layer(path).own) if path.is_file() else {}
    texts = {parameter.name: isinstance(parameter.default, str) for parameter in DECLARED}
    for variable, value in environ.items():
        name = variable.removeprefix(PREFIX).lower()
        if value and variable.startswith(PREFIX):  # an unknown one is refused below
            given[name] = Setting(value if texts.get(name, True) else _read_number(value), variable, value)
    values = check_section(DECLARED, given)
    _require_apart(values)
    for least, most in LIMITS:
        if values[least] > values[most]:
            source = given[least].source if least in given else least
            raise UsageError(f"{source}: {values[least]} is above {most}, which is {values[most]}; lower the one")
    return AzureSettings(**values)


def require_subscription(settings: AzureSettings) -> str:
    """Return the subscription.

    Raises
    ------
    UsageError
        If none is set, with the way to find it.
    """
    if not settings.subscription_id:
        raise UsageError(
            "no subscription is chosen: set azure.subscription_id in parameters/azure.yml or the environment variable "
            f"{PREFIX}SUBSCRIPTION_ID; `az account show --query id` prints yours"
        )
    return settings.subscription_id


def _require_apart(values: Mapping[str, Any]) -> None:
    """Refuse settings that would be in each other's way."""
    if values["qa_service"] == values["production_service"]:
        raise UsageError(
            f"azure.qa_service and azure.production_service are both {values['qa_service']!r}; each needs its own name"
        )
    arriving, kept = values["data_trigger_path"].strip("/"), str(PurePosixPath(values["dataset_path"]).parent)
    if arriving == kept:
        raise UsageError(
            f"azure.data_trigger_path: {arriving!r} is the folder of azure.dataset_path, where versions are kept; new "
            "data needs a folder of its own, or each version that is kept would start another retraining"
        )


def _read_number(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text  # which no number is: the check refuses it
