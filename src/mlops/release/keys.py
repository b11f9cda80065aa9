"""The keys of services, as whoever calls one needs them: never those that the service refuses."""

from mlops.errors import DeploymentNotFoundError, ServiceUntestedError
from mlops.platform.secrets import Secrets
from mlops.platform.services import Services


def read_keys(secrets: Secrets, services: Services, environment: str, command_options: str = "") -> tuple[str, str]:
    """Return the keys of an environment's service; called by 07_test_service and `mlops keys`.

    Parameters
    ----------
    secrets, services : Secrets, Services
        The platform's.
    environment : str
        Of which service.
    command_options : str
        What a command needs to reach the platform: " --platform azure", or nothing.

    Returns
    -------
    primary, secondary : str
        Either opens the service.

    Raises
    ------
    DeploymentNotFoundError
        If the environment serves nothing.
    ServiceUntestedError
        If the service was started with other keys, which says nothing about the service.
    """
    if not services.find_owner(environment):
        raise DeploymentNotFoundError(
            f"{environment} serves nothing, so there are no keys. Release a model with "
            f"`mlops run release{command_options}`."
        )
    if not services.accepts_keys(environment):
        raise ServiceUntestedError(
            f"The service in {environment} was started with other keys than those that are stored now, or they are "
            f"missing. Run `mlops keys {environment} --rotate{command_options}` to give it new ones."
        )
    return secrets.get_keys(environment)
