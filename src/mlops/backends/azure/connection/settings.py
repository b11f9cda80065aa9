"""The settings of the platform Azure, from ``parameters/azure.yml`` and environment variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import PurePosixPath

from mlops.backends.azure.connection.machines import LEAST_CORES, count_cores
from mlops.backends.collecting import CollectionSettings
from mlops.errors import ProblemError, UsageError
from mlops.parameters.declarations import Parameter, Setting, check_value
from mlops.parameters.layers import BASE, MODEL_NAME, check_section, load_problem, read_layer
from mlops.parameters.platform_section import declare, read_platform_section
from mlops.workspace import Workspace

PREFIX = "MLOPS_AZURE_"
NAME = "[A-Za-z0-9][A-Za-z0-9_.-]*"
OWN_NAME = f"(|{NAME})"
SERVICE_NAME = "(|[a-z][a-z0-9-]{1,30}[a-z0-9])"  # the SDK's own rule for web services
REGISTRY = "(|[A-Za-z0-9]{5,50})"
GUID = "(|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"


@dataclass(frozen=True)
class AzureSettings(CollectionSettings):
    """The section ``azure`` of ``parameters/azure.yml``: names, sizes and limits of the resources on Azure."""

    subscription_id: str = declare("", "the subscription to bill", pattern=GUID)
    resource_group: str = declare("mlops-rg", "the resource group of all resources", pattern=NAME)
    workspace: str = declare("mlops-ws", "the Machine Learning workspace", pattern="[A-Za-z0-9][A-Za-z0-9-]{2,32}")
    location: str = declare("westeurope", "region of all resources", pattern="[a-z0-9]+")
    container_registry: str = declare(
        "",
        "the workspace's Container Registry, whose new images start a release; not checked if empty",
        pattern=REGISTRY,
    )
    retry_seconds: int = declare(1, "seconds before the first retry; each further pause is twice as long", "[0, 60]")
    compute_name: str = declare(
        "cpu-cluster", "the cluster that runs the retraining", pattern="[A-Za-z][A-Za-z0-9-]{0,14}[A-Za-z0-9]"
    )
    compute_vm_size: str = declare("Standard_DS2_v2", "size of the nodes", pattern=r"\w+")
    compute_min_nodes: int = declare(0, "minimum number of nodes", "[0, 1000]")
    compute_max_nodes: int = declare(4, "maximum number of nodes", "[1, 1000]")
    compute_idle_seconds: int = declare(300, "idle seconds after which a node is released", "[60, 86400]")
    compute_priority: str = declare(
        "lowpriority", "lowpriority is cheaper, but Azure can evict its nodes", options=("lowpriority", "dedicated")
    )
    kubernetes_name: str = declare(
        "aks", "the cluster that runs production", pattern="[A-Za-z][A-Za-z0-9-]{0,14}[A-Za-z0-9]"
    )
    kubernetes_resource_id: str = declare(
        "", "an existing cluster to attach; empty to create one", pattern="(|/subscriptions/.+)"
    )
    kubernetes_vm_size: str = declare("Standard_DS3_v2", "size of the nodes", pattern=r"\w+")
    kubernetes_min_nodes: int = declare(3, "minimum number of nodes; they need 12 cores in total", "[3, 1000]")
    kubernetes_max_nodes: int = declare(6, "maximum number of nodes", "[3, 1000]")
    dataset: str = declare("", "name of the registered data set; if empty, the name of the model", pattern=OWN_NAME)
    dataset_path: str = declare(
        "",
        "path of the data set's first file in the blob container; empty for a path derived from the model's name",
        pattern=r"(|[^/].*\.(csv(\.gz)?|parquet))",
    )
    pipeline: str = declare(
        "", "name of the published pipeline; if empty, it derives from the name of the model", pattern=OWN_NAME
    )
    recurrence: str = declare(
        "day", "how often the pipeline runs", options=("none", "minute", "hour", "day", "week", "month")
    )
    data_trigger_path: str = declare("incoming", "the folder whose new files start a retraining", pattern=r"(|[^/].*)")
    data_trigger_minutes: int = declare(60, "minutes between two checks of the folder", "[1, 10080]")
    qa_service: str = declare(
        "", "name of the service; if empty, the model's name followed by -qa", pattern=SERVICE_NAME
    )
    qa_cpu_cores: float = declare(1.0, "cores", "[0.1, 64]")
    qa_memory_gb: float = declare(1.0, "gigabytes", "[0.1, 512]")
    production_service: str = declare(
        "", "name of the service; if empty, the model's name followed by -production", pattern=SERVICE_NAME
    )
    production_cpu_cores: float = declare(0.5, "cores per replica", "[0.1, 64]")
    production_memory_gb: float = declare(1.0, "gigabytes per replica", "[0.1, 512]")
    production_min_replicas: int = declare(1, "minimum number of replicas", "[1, 1000]")
    production_max_replicas: int = declare(10, "maximum number of replicas", "[1, 1000]")
    production_target_utilization: int = declare(70, "percent of utilization that autoscaling aims for", "[1, 100]")

    # A container can be lost at any time, with the rows that are not uploaded.
    collect_limit_mb: int = declare(256, "megabytes that rows can use before they are uploaded", "[1, 1000000]")
    collect_close_seconds: int = declare(5, "seconds after which collected rows are uploaded", "[1, 86400]")
    collect_retention_days: int = declare(
        0, "days after which collected rows are deleted; 0 to keep them", "[0, 36500]"
    )
    qa_collect_secret: str = declare(
        "",
        "secret with the connection string of the workspace's storage account; empty to collect only in production",
        pattern="(|[0-9a-zA-Z-]{1,127})",
    )

    given: Mapping[str, Setting] = field(default_factory=dict, compare=False)  # the settings with their sources
    unnamed: ProblemError | None = field(default=None, compare=False)  # why empty names could not be derived

    def require_name(self, setting: str) -> str:
        """Return the value of a setting whose default is derived from the name of the model.

        Raises
        ------
        ProblemError
            If the model's name is unknown, because the problem cannot be loaded.
        """
        name = str(getattr(self, setting))
        if not name and self.unnamed:
            raise self.unnamed
        return name

    def name(self, setting: str) -> str:
        """Return a setting's name for messages: the environment variable that sets it, or otherwise its key."""
        variable = f"{PREFIX}{setting.upper()}"
        is_variable = setting in self.given and self.given[setting].source == variable
        return variable if is_variable else f"azure.{setting} in parameters/azure.yml"


DECLARED = tuple(
    Parameter(setting.name, setting.default, **setting.metadata)
    for setting in fields(AzureSettings)
    if setting.metadata
)
NAMED_AFTER_MODEL = {
    "dataset": "{}",
    "dataset_path": "data/{}.csv",
    "pipeline": "{}-retraining",
    "qa_service": "{}-qa",
    "production_service": "{}-production",
}
LIMITS = (  # a minimum must not exceed its maximum
    ("compute_min_nodes", "compute_max_nodes"),
    ("kubernetes_min_nodes", "kubernetes_max_nodes"),
    ("production_min_replicas", "production_max_replicas"),
)


def read_settings(workspace: Workspace, environ: Mapping[str, str] | None = None) -> AzureSettings:
    """Return the platform's settings from ``parameters/azure.yml`` and environment variables, which take precedence.

    Parameters
    ----------
    workspace : Workspace
        The project.
    environ : mapping, optional
        The environment variables, by default those of this process. ``MLOPS_AZURE_RESOURCE_GROUP`` sets
        ``resource_group``.

    Raises
    ------
    ParameterError
        If a key is unknown, or a value has a wrong type or is out of range.
    UsageError
        If two settings conflict.
    """
    path = workspace.parameters / "azure.yml"
    given = read_platform_section(path, DECLARED, os.environ if environ is None else environ)
    values = check_section(DECLARED, given)
    unnamed = None
    try:
        values |= _derive_names_from_model(workspace, values)
    except ProblemError as error:  # commands that do not need these names must still work
        unnamed = error
    for least, most in LIMITS:
        if values[least] > values[most]:
            source = given[least].source if least in given else least
            raise UsageError(
                f"{source} is {values[least]}, but {most} is only {values[most]}. Lower {least} or raise {most}."
            )
    settings = AzureSettings(**values, given=given, unnamed=unnamed)
    _require_different_names(settings)
    _require_enough_cores(settings)
    return settings


def _derive_names_from_model(workspace: Workspace, values: Mapping[str, object]) -> dict[str, str]:
    if all(values[name] for name in NAMED_AFTER_MODEL):
        return {}
    base = workspace.parameters / f"{BASE}.yml"
    layer = read_layer(base) if base.is_file() else None
    model = layer.shared.get(MODEL_NAME) if layer else None
    if layer and layer.problem and not model:
        load_problem(workspace)  # raises an error that says why the problem has no name
    name = str(model.value) if model else "model"
    return {
        parameter.name: check_value(
            parameter, Setting(form.format(name), f"azure.{parameter.name}, named after {name},")
        )
        for parameter in DECLARED
        if (form := NAMED_AFTER_MODEL.get(parameter.name)) and not values[parameter.name]
    }


def require_subscription(settings: AzureSettings) -> str:
    """Return the id of the subscription in the settings.

    Raises
    ------
    UsageError
        If no subscription is set.
    """
    if not settings.subscription_id:
        raise UsageError(
            "No subscription is set. Set azure.subscription_id in parameters/azure.yml or the environment variable "
            f"{PREFIX}SUBSCRIPTION_ID. `az account show --query id` prints yours."
        )
    return settings.subscription_id


def _require_enough_cores(settings: AzureSettings) -> None:
    # Azure would reject the cluster only after 15 minutes.
    cores = count_cores(settings.kubernetes_vm_size)
    found = settings.kubernetes_min_nodes * (cores or LEAST_CORES)
    if found < LEAST_CORES and not settings.kubernetes_resource_id:
        raise UsageError(
            f"azure.kubernetes_min_nodes is {settings.kubernetes_min_nodes}, and {settings.kubernetes_vm_size} has "
            f"{cores} cores, but production needs {LEAST_CORES} cores in total. Choose more nodes or a larger "
            "azure.kubernetes_vm_size."
        )


def _require_different_names(settings: AzureSettings) -> None:
    if settings.qa_service == settings.production_service != "":
        raise UsageError(
            f"azure.qa_service and azure.production_service are both {settings.qa_service!r}. Set different names."
        )
    arriving, kept = settings.data_trigger_path.strip("/"), str(PurePosixPath(settings.dataset_path).parent)
    if arriving == kept:
        raise UsageError(
            f"azure.data_trigger_path is {arriving!r}, which is also the folder of azure.dataset_path. Choose another "
            "folder, because each stored version would start a retraining."
        )
