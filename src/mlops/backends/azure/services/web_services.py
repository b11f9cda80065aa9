"""Functions that find, deploy, watch and delete the web services of the environments."""

import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from types import MappingProxyType

from mlops.backends.azure.connection.refusals import explain_refusals
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import AzureSettings
from mlops.backends.azure.images.sdk_environments import make_image_environment, make_inference_configuration
from mlops.backends.azure.services.configuration import has_size, list_changeable, make_configuration
from mlops.backends.azure.services.sdk_objects import WebService
from mlops.errors import DeploymentError, DeploymentNotFoundError
from mlops.platform.images import Image

OURS = "mlops_environment"  # the tag with the environment, which only this platform's services have
DIGEST = "digest"
LOG_LINES = 40  # enough for the traceback of a scoring script in the format of Azure's server
POLL_SECONDS = 2.0
DELETE_SECONDS = 600.0
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
HEALTHY, MOVING = "Healthy", ("Transitioning", "Updating", "Creating", "Deleting")


def name_service(settings: AzureSettings, environment: str) -> str:
    """Return the name that the settings give to an environment's web service."""
    return settings.require_name({"qa": "qa_service", "production": "production_service"}[environment])


def list_services(session: AzureSession, environment: str) -> list[WebService]:
    """Return the web services of an environment; the one with the name in the settings comes first.

    Raises
    ------
    PlatformError
        If Azure refuses the request.
    """
    from azureml.core import Webservice

    name = name_service(session.settings, environment)
    with explain_refusals(session, f"list the web services in {environment}"):
        found: list[WebService] = Webservice.list(session.workspace, tags=[[OURS, environment]])
    # There are two services while a service is being renamed.
    return sorted(found, key=lambda service: (service.name != name, service.name))


def find_service(session: AzureSession, environment: str) -> WebService | None:
    """Return the web service of an environment, or None if there is none."""
    return next(iter(list_services(session, environment)), None)


def rotate_keys(session: AzureSession, environment: str) -> None:
    """Give an environment's web service a new primary key; the old primary key becomes the secondary key.

    Raises
    ------
    DeploymentNotFoundError
        If there is no service.
    """
    service = find_service(session, environment)
    if service is None:
        name = name_service(session.settings, environment)
        raise DeploymentNotFoundError(
            f"There is no web service {name}, so there are no keys. Run `mlops run release --platform azure`."
        )
    with explain_refusals(session, f"rotate the keys of {service.name}"), redirect_stdout(sys.stderr):
        primary, _ = service.get_keys()
        service.regen_key("Secondary", set_key=primary)  # done first, so that the old primary key stays valid
        service.regen_key("Primary")


def require_free_name(session: AzureSession, environment: str) -> None:
    """Check that no web service has the name that the settings give to an environment's service.

    Raises
    ------
    DeploymentError
        If a web service has this name.
    """
    from azureml.core import Webservice
    from azureml.exceptions import WebserviceException

    name = name_service(session.settings, environment)
    with explain_refusals(session, f"look up the web service {name}"):
        try:
            Webservice(session.workspace, name)
        except WebserviceException as error:
            if "WebserviceNotFound" in error.message:
                return
            raise
    raise DeploymentError(
        f"The web service name {name!r} for {environment} is already used by another service. Set "
        f"{session.settings.name(f'{environment}_service')} to another name, or delete that service."
    )


def submit_service(
    session: AzureSession,
    environment: str,
    image: Image,
    bundle: Path,
    service: WebService | None,
    variables: Mapping[str, str] = NO_VARIABLES,
) -> WebService:
    """Start to deploy an image to `service`, and return the service without waiting.

    If `service` is None, a new service is created. `bundle` is the folder with the content of the image. `variables`
    are the environment variables of the service's containers.

    Raises
    ------
    UsageError
        If the SDK rejects a setting.
    PlatformError, DeploymentError
        If Azure refuses the deployment.
    """
    from azureml.core import Model

    settings, name = session.settings, name_service(session.settings, environment)
    if service is None:
        require_free_name(session, environment)
    tags = {OURS: environment, DIGEST: image.digest, "image": image.name, "model_version": str(image.model_version)}
    configuration = make_configuration(settings, environment, tags)
    with tempfile.TemporaryDirectory() as scratch, explain_refusals(session, _describe(settings, environment, image)):
        source = shutil.copytree(bundle, Path(scratch, "bundle"))
        inference = make_inference_configuration(source, make_image_environment(name, image, variables))
        model = Model(session.workspace, image.model_name, version=image.model_version, expand=False)
        if service is None or not has_size(service, settings, environment):
            with warnings.catch_warnings():  # the SDK warns that it is deprecated, as the README says
                warnings.simplefilter("ignore", FutureWarning)
                deployed: WebService = Model.deploy(
                    session.workspace, name, [model], inference, configuration, overwrite=service is not None
                )
                return deployed
        options = list_changeable(settings, environment)
        service.update(models=[model], inference_config=inference, tags=tags, **options)
        return service


def wait_healthy(session: AzureSession, service: WebService, image: Image, seconds: float) -> None:
    """Wait up to `seconds` seconds until a service is healthy with its new image.

    Raises
    ------
    DeploymentError
        If the service is not healthy in time.
    """
    from azureml.exceptions import WebserviceException

    with explain_refusals(session, f"watch the deployment of {image.name}"):
        try:
            service.wait_for_deployment(timeout_sec=seconds)
            said = "" if service.state == HEALTHY else f"its state is {service.state}"
        except WebserviceException as error:
            if "exceeded timeout" in error.message:
                said = f"it was not ready within {seconds:g} s"
            elif "non-successful terminal state" in error.message:
                said = " ".join(error.message.partition("Error:")[2].split())
            else:
                raise
    if said:
        raise DeploymentError(
            f"The web service {service.name} does not serve the image {image.name}: {said}.\n{_quote_log(service)}"
        )


def wait_settled(session: AzureSession, service: WebService, seconds: float) -> None:
    """Wait up to `seconds` seconds until earlier changes of a service are finished.

    Raises
    ------
    DeploymentError
        If a change is not finished in time.
    """
    deadline = time.monotonic() + seconds
    with explain_refusals(session, f"look up the web service {service.name}"):
        # Azure accepts only one change at a time.
        while service.state in MOVING:
            if time.monotonic() >= deadline:
                raise DeploymentError(
                    f"The web service {service.name} is still {service.state.lower()} after an earlier change, so it "
                    "cannot be changed. Try again later, or run `mlops stop --platform azure`."
                )
            time.sleep(POLL_SECONDS)
            service.update_deployment_state()


def delete_service(session: AzureSession, service: WebService) -> None:
    """Delete a web service, and wait until it no longer exists.

    Raises
    ------
    DeploymentError
        If the service still exists after 10 minutes.
    """
    from azureml.exceptions import WebserviceException

    deadline = time.monotonic() + DELETE_SECONDS
    with explain_refusals(session, f"delete the web service {service.name}"), redirect_stdout(sys.stderr):
        service.delete()
        while time.monotonic() < deadline:
            try:
                service.update_deployment_state()
            except WebserviceException as error:
                if "WebserviceNotFound" in error.message:
                    return
                raise
            time.sleep(POLL_SECONDS)
    raise DeploymentError(
        f"The web service {service.name} is still {service.state.lower()} after {DELETE_SECONDS:.0f} s. Check it in "
        "the studio, then try again."
    )


def _describe(settings: AzureSettings, environment: str, image: Image) -> str:
    where = "Container Instances" if environment == "qa" else f"the Kubernetes cluster {settings.kubernetes_name!r}"
    return f"deploy {image.name} as {name_service(settings, environment)} on {where}"


def _quote_log(service: WebService) -> str:
    from azureml.exceptions import WebserviceException

    try:
        printed = service.get_logs(num_lines=LOG_LINES)
    except WebserviceException:
        return "Its container printed nothing."
    return f"The last lines of its container:\n{printed}" if printed else "Its container printed nothing."
