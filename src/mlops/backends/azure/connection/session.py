"""The connection to a workspace of Azure Machine Learning."""

import os
from functools import cached_property

from mlops.backends.azure.connection.answers import find_status, read_reasons
from mlops.backends.azure.connection.identity import Identity
from mlops.backends.azure.connection.refusals import explain_refusals, explain_silence
from mlops.backends.azure.connection.sdk_objects import SdkRun, SdkWorkspace
from mlops.backends.azure.connection.settings import AzureSettings, require_subscription
from mlops.errors import WorkspaceNotFoundError
from mlops.workspace import Workspace

CONNECT_SECONDS, READ_SECONDS = 20, 60
ON_COMPUTE = "AZUREML_RUN_ID"  # the variable that Azure Machine Learning sets in the processes of its runs


class AzureSession:
    """A connection to a workspace of Azure Machine Learning. No request is sent before a property is read.

    Parameters
    ----------
    settings : AzureSettings
        The settings that name the workspace.
    project : Workspace
        The project's folders on this machine.
    """

    def __init__(self, settings: AzureSettings, project: Workspace) -> None:
        self.settings = settings
        self.project = project

    @cached_property
    def credential(self) -> Identity:
        """The identity of this process."""
        return Identity()

    @property
    def client_options(self) -> dict[str, float]:
        """Keyword arguments for azure-core's clients: time limits, and the pause before retries, in seconds."""
        return {
            "connection_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "retry_backoff_factor": self.settings.retry_seconds,
        }

    @cached_property
    def workspace(self) -> SdkWorkspace:
        """The SDK's workspace object, opened on first use.

        In a run on Azure, this is the workspace of the run; elsewhere, it is the workspace in the settings.

        Raises
        ------
        WorkspaceNotFoundError
            If the workspace does not exist.
        PlatformError
            If Azure refuses the request, or cannot be reached.
        """
        from azureml.core import Workspace
        from azureml.core.authentication import TokenAuthentication
        from azureml.exceptions import ProjectSystemException, UserErrorException

        subscription, group, name = self._locate_workspace()
        doing = f"open the workspace {name!r}"
        with explain_refusals(self, doing):
            try:
                # The SDK's default is the token of the run, which cannot read the workspace in Resource Manager.
                opened: SdkWorkspace = Workspace(subscription, group, name, auth=TokenAuthentication(self._get_token))
            except (ProjectSystemException, UserErrorException) as error:
                if find_status(error) not in (0, 404):
                    raise
                raise WorkspaceNotFoundError(
                    f"There is no workspace {name!r} in the resource group {group!r} of subscription {subscription} "
                    f"({read_reasons(error)[0]}). Check the section azure of parameters/azure.yml, or run `mlops "
                    "provision --platform azure`."
                ) from error
        if opened._workspace_autorest_object is None:  # the SDK raises no error after a failed connection
            raise explain_silence(doing)
        return opened

    def _locate_workspace(self) -> tuple[str, str, str]:
        if os.environ.get(ON_COMPUTE):
            names = ("SUBSCRIPTION", "RESOURCEGROUP", "WORKSPACE_NAME")
            subscription, group, name = (os.environ[f"AZUREML_ARM_{part}"] for part in names)
            return subscription, group, name
        return require_subscription(self.settings), self.settings.resource_group, self.settings.workspace

    def forget_credential(self) -> None:
        """Forget the token, so that the next request gets a new one."""
        self.__dict__.pop("credential", None)

    def _get_token(self, audience: str) -> str:
        return str(self.credential.get_token(f"{audience.rstrip('/')}/.default").token)


def find_own_run() -> SdkRun | None:
    """Return the run on Azure Machine Learning that this process executes, or None if the process runs elsewhere."""
    from azureml.core import Run

    if not os.environ.get(ON_COMPUTE):
        return None
    found: SdkRun = Run.get_context(allow_offline=False)
    return found
