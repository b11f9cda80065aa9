"""The deployment of an image by `06_deploy`, and its result."""

from dataclasses import dataclass
from pathlib import Path

from mlops.errors import RolledBackError
from mlops.platform.images import Image
from mlops.platform.services import Decision, Permissions, Service, Services
from mlops.record.user import find_user


@dataclass(frozen=True)
class DeploymentResult:
    """The result of a deployment: a service, or the reason why there is none.

    Parameters
    ----------
    service : Service or None
        The service.
    refusal : str
        The reason why the image must not be deployed; empty if it was deployed.
    """

    service: Service | None
    refusal: str = ""

    @property
    def url(self) -> str:
        """The service's address; empty if there is none."""
        return self.service.url if self.service else ""

    @property
    def digest(self) -> str:
        """The digest of the deployed image; empty if there is none."""
        return self.service.digest if self.service else ""

    def describe(self, image: Image) -> str:
        """Describe how the deployment of an image ended."""
        found = self.service
        if found is None:
            return f"not deployed: {self.refusal}"
        same = found.digest == image.digest
        return f"{found.environment}: {found.model}, {found.health}, has the requested digest: {same}"


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
    """Deploy an image; called by 06_deploy.

    Parameters
    ----------
    services : Services
        The services of the platform.
    environment, image, ready_seconds, force, allowed
        See `Services.deploy`.
    run_folder : str
        The folder of the run that deploys it; empty outside of a run.

    Returns
    -------
    DeploymentResult
        It has no service if the version was rolled back, which is a result, not an error.

    Raises
    ------
    DeploymentError
        If the service does not get ready, or the image has not passed a required test or would replace another model.
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
    """Return what each environment serves, as the rows of a table; called by 06_deploy."""
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
