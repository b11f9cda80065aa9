"""The deployment of an image, for the notebook 06_deploy."""

from dataclasses import dataclass
from pathlib import Path

from mlops.errors import RolledBackError
from mlops.platform.images import Image
from mlops.platform.services import Decision, Permissions, Service, Services
from mlops.record.user import find_user


@dataclass(frozen=True)
class DeploymentResult:
    """The result of a deployment: the service, or the reason why the image was refused.

    An image is refused if it, or its model version, was rolled back. Other problems raise an error.

    Parameters
    ----------
    service : Service or None
        The service that runs the image; None if the image was refused.
    refusal : str
        The reason why the image was refused; empty if it was deployed.
    """

    service: Service | None
    refusal: str = ""

    @property
    def url(self) -> str:
        """The URL of the service; empty if the image was refused."""
        return self.service.url if self.service else ""

    @property
    def digest(self) -> str:
        """The digest of the deployed image; empty if the image was refused."""
        return self.service.digest if self.service else ""

    def describe(self, image: Image) -> str:
        """Describe the result of the deployment in one line."""
        found = self.service
        if found is None:
            return f"not deployed: {self.refusal}"
        same = found.digest == image.digest
        changes = f", new settings: {', '.join(found.changes)}" if found.changes else ""
        return f"{found.environment}: {found.model}, {found.health}, has the requested digest: {same}{changes}"


def deploy_image(
    services: Services,
    environment: str,
    image: Image,
    *,
    ready_seconds: float,
    force: bool,
    allowed: Permissions,
    run_folder: str = "",
) -> DeploymentResult:
    """Deploy an image in an environment.

    Parameters
    ----------
    services : Services
        The services of the platform.
    environment, image, ready_seconds, force, allowed
        See `mlops.platform.services.Services.deploy`.
    run_folder : str
        The folder of the run that deploys the image; empty if no run does.

    Returns
    -------
    DeploymentResult
        The service or, if the image was refused because of a rollback, the reason for the refusal.

    Raises
    ------
    DeploymentError
        If the service does not become ready in time, if the image has not passed a required test, or if the image would
        replace the service of another model.
    """
    decision = Decision(by=find_user(), run_id=Path(run_folder).name)
    try:
        service = services.deploy(
            environment, image, ready_seconds=ready_seconds, force=force, allowed=allowed, decision=decision
        )
    except RolledBackError as error:
        return DeploymentResult(None, str(error))
    return DeploymentResult(service)


def list_rows(services: Services) -> list[dict[str, str]]:
    """Return one table row for each deployed service, as a mapping from column name to text."""
    return [
        {
            "environment": service.environment,
            "url": service.url,
            "model": service.problem or service.model,
            "health": service.health,
            "tested": service.tested,
        }
        for service in services.list_services()
    ]
