"""The logs of the services on Azure."""

import time
from collections.abc import Iterator
from functools import partial

from mlops.backends.azure.connection.refusals import explain_refusals
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.services.web_services import find_service, name_service
from mlops.errors import DeploymentNotFoundError
from mlops.files.lines import follow_snapshots

MOST_LINES = 5000  # the SDK's default
POLL_SECONDS = 5.0


class AzureLogs:
    """See `mlops.platform.service_processes.ServiceLogs`."""

    def __init__(self, session: AzureSession, command_options: str = "") -> None:
        self._session = session
        self._command_options = command_options

    def read_log(self, environment: str, count: int) -> list[str]:
        """See `ServiceLogs`. Azure keeps only the end of a log."""
        from azureml.exceptions import WebserviceException

        with explain_refusals(self._session, f"read the log of the service in {environment}"):
            service = find_service(self._session, environment)
            if service is None:
                name = name_service(self._session.settings, environment)
                raise DeploymentNotFoundError(
                    f"There is no web service {name}, so there is no log. Run `mlops run "
                    f"release{self._command_options}`."
                )
            try:
                printed = service.get_logs(num_lines=max(1, count))
            except WebserviceException as error:
                if 'missing "content"' not in error.message:
                    raise
                printed = ""  # its containers have printed nothing yet
        return (printed or "").splitlines()[-count:] if count else []

    def follow_log(self, environment: str, count: int) -> Iterator[str]:
        """See `ServiceLogs`. Lines are lost if a service writes more than 5,000 lines within five seconds."""
        return follow_snapshots(
            partial(self.read_log, environment, MOST_LINES), count, partial(time.sleep, POLL_SECONDS)
        )
