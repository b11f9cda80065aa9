"""The web services of the workspace by the environment that they serve."""

from typing import Any

from mlops.backends.azure.refusals import report_refusals
from mlops.backends.azure.session import AzureSession
from mlops.backends.azure.settings import AzureSettings


def name_service(settings: AzureSettings, environment: str) -> str:
    """Return the name of an environment's web service."""
    return {"qa": settings.qa_service, "production": settings.production_service}[environment]


def find_service(session: AzureSession, environment: str) -> Any:
    """Return the SDK's web service of an environment, or None where there is none.

    Raises
    ------
    PlatformError
        If Azure does not say.
    """
    from azureml.core import Webservice
    from azureml.exceptions import WebserviceException

    name = name_service(session.settings, environment)
    with report_refusals(f"tell of the web service {name}"):
        try:
            return Webservice(session.workspace, name)
        except WebserviceException as error:
            if "WebserviceNotFound" in error.message:
                return None
            raise
