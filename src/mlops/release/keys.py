"""The keys of services."""

from mlops.errors import DeploymentNotFoundError, ServiceUntestedError
from mlops.platform.secrets import Secrets
from mlops.platform.services import Services


def read_keys(secrets: Secrets, services: Services, environment: str) -> tuple[str, str]:
    """Return the keys of the service in an environment.

    Parameters
    ----------
    secrets, services : Secrets, Services
        The secrets and services of the platform.
    environment : str
        The environment of the service.

    Returns
    -------
    primary, secondary : str
        The two keys. The service accepts either key.

    Raises
    ------
    DeploymentNotFoundError
        If nothing has been deployed in the environment yet.
    ServiceUntestedError
        If the service does not accept the stored keys.
    """
    if not services.find_owner(environment):
        raise DeploymentNotFoundError(
            f"{environment} has no service, so there are no keys. Release a model with "
            f"`mlops run release{services.command_options}`."
        )
    if not services.accepts_keys(environment):
        raise ServiceUntestedError(
            f"The service in {environment} was started with keys that differ from the stored keys, or no keys are "
            f"stored. Run `mlops keys {environment} --rotate{services.command_options}` to give it new ones."
        )
    return secrets.get_keys(environment)
