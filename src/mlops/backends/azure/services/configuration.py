"""The SDK's configurations of services: Container Instances for QA, Kubernetes for production."""

from collections.abc import Mapping
from dataclasses import fields

from mlops.backends.azure.connection.settings import AzureSettings
from mlops.backends.azure.services.sdk_objects import WebService
from mlops.errors import UsageError

PARAMETERS = {  # names in the SDK's errors, and the corresponding settings without the name of the environment
    "cpu_cores": "cpu_cores",
    "memory_gb": "memory_gb",
    "autoscale_min_replicas": "min_replicas",
    "autoscale_max_replicas": "max_replicas",
    "autoscale_target_utilization": "target_utilization",
}


def make_configuration(settings: AzureSettings, environment: str, tags: Mapping[str, str]) -> object:
    """Return the SDK's configuration for creating the service of an environment.

    Parameters
    ----------
    settings : AzureSettings
        The sizes and limits of the service.
    environment : str
        The environment: "qa" for Container Instances, or "production" for Kubernetes.
    tags : mapping
        The tags of the service.

    Raises
    ------
    UsageError
        If the SDK rejects a setting.
    """
    from azureml.core.webservice import AciWebservice, AksWebservice
    from azureml.exceptions import WebserviceException

    kind = {"qa": AciWebservice, "production": AksWebservice}[environment]
    try:
        configuration: object = kind.deploy_configuration(**list_options(settings, environment), tags=dict(tags))
    except WebserviceException as error:
        raise UsageError(_name_settings(settings, environment, error.message)) from error
    return configuration


def list_options(settings: AzureSettings, environment: str) -> dict[str, object]:
    """Return the SDK's options for creating the service of an environment ("qa" or "production")."""
    if environment == "qa":
        return {
            "cpu_cores": settings.qa_cpu_cores,
            "memory_gb": settings.qa_memory_gb,
            "location": settings.location,
            "auth_enabled": True,
            "enable_app_insights": True,
        }
    return {**list_changeable(settings, environment), "compute_target_name": settings.kubernetes_name}


def list_changeable(settings: AzureSettings, environment: str) -> dict[str, object]:
    """Return the SDK's options for updating the service of an environment ("qa" or "production")."""
    # The size of a service on Container Instances cannot be changed.
    always: dict[str, object] = {"auth_enabled": True, "enable_app_insights": True}
    if environment == "qa":
        return always
    return {
        **always,
        "cpu_cores": settings.production_cpu_cores,
        "memory_gb": settings.production_memory_gb,
        "autoscale_enabled": True,
        "autoscale_min_replicas": settings.production_min_replicas,
        "autoscale_max_replicas": settings.production_max_replicas,
        "autoscale_target_utilization": settings.production_target_utilization,
        "collect_model_data": collects(settings, environment),
    }


def list_of_service(settings: AzureSettings, environment: str) -> dict[str, str]:
    """Return the settings of an environment's service, as text. The name of the service is left out."""
    named = [
        found.name for found in fields(settings) if found.name.startswith((f"{environment}_", "collect_", "telemetry_"))
    ]
    return {name: str(getattr(settings, name)) for name in named if name != f"{environment}_service"}


def collects(settings: AzureSettings, environment: str) -> bool:
    """Return whether the service of an environment ("qa" or "production") collects requests."""
    return settings.collect_share > 0 and (environment != "qa" or bool(settings.qa_collect_secret))


def has_size(service: WebService, settings: AzureSettings, environment: str) -> bool:
    """Return whether an existing service has the size in the settings, or can be resized to it."""
    if environment != "qa":
        return True
    found = service.container_resource_requirements
    return (found.cpu, found.memory_in_gb) == (settings.qa_cpu_cores, settings.qa_memory_gb)


def _name_settings(settings: AzureSettings, environment: str, message: str) -> str:
    said = " ".join(message.split())
    named = [f"{environment}_{ours}" for theirs, ours in PARAMETERS.items() if theirs in message]
    values = ", ".join(f"{settings.name(name)} is {getattr(settings, name)!r}" for name in named)
    return f"{values or f'parameters/azure.yml: the service of {environment}'}: {said}"
