"""The deployment that 06_deploy makes: a service, or the reason why the image must not be deployed."""

from dataclasses import dataclass
from pathlib import Path

from mlops.errors import RolledBackError
from mlops.platform.images import Image
from mlops.platform.services import Decision, Permissions, Service, Services
from mlops.record.user import find_user


@dataclass(frozen=True)
class DeploymentResult:
    """The service that was deployed, or None and why it was not.

    Parameters
    ----------
    service : Service or None
        The service.
    refusal : str
        Why the image must not be deployed; empty if it was.
    """

    service: Service | None
    refusal: str = ""

    @property
    def url(self) -> str:
        """The service's address; empty if there is none."""
        return self.service.url if self.service else ""

    @property
    def digest(self) -> str:
        """The digest of what was deployed; empty if nothing was."""
        return self.service.digest if self.service else ""

    def describe(self, image: Image) -> str:
        """Say what came of the deployment of an image."""
        found = self.service
        if found is None:
            return f"not deployed: {self.refusal}"
        return f"{found.environment}: {found.image}, {found.health}, digest as asked: {found.digest == image.digest}"


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
        The platform's.
    environment, image, ready_seconds, force, allowed
        See `Services.deploy`.
    run_folder : str
        The folder of the run that deploys it; empty outside of a run.

    Returns
    -------
    DeploymentResult
        Without a service if the version was rolled back. That is a result, not an error.

    Raises
    ------
    DeploymentError
        If the image does not get ready, has not passed where it must, or would replace another model.
    """
    decision = Decision(by=find_user(), run_id=Path(run_folder).name)
    try:
        service = services.deploy(
            environment, image, ready_seconds=ready_seconds, force=force, allowed=allowed, decision=decision
        )
    except RolledBackError as error:
        return DeploymentResult(None, str(error))
    return DeploymentResult(service)
