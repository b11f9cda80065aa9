"""The identity with which this process logs in to Azure."""

import logging
import os
import re
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from mlops.backends.azure.connection.answers import Reason
from mlops.backends.azure.connection.refusals import explain

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

COMPUTE_ID, CLIENT_ID = "DEFAULT_IDENTITY_CLIENT_ID", "AZURE_CLIENT_ID"
GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
REASON = re.compile(r"(AADSTS\d+): ([^.\n]*)")  # the reason that Entra ID gives
NOBODY = Reason("", "there is no identity in the environment variables, on the machine, or in the Azure CLI")


def adopt_compute_identity(environ: MutableMapping[str, str] | None = None) -> None:
    """Set ``AZURE_CLIENT_ID`` to the client id of the compute cluster's managed identity.

    Do nothing if this process does not run on a cluster with such an identity.

    Parameters
    ----------
    environ : mutable mapping, optional
        The environment variables, by default those of this process. An existing ``AZURE_CLIENT_ID`` is kept.
    """
    environ = os.environ if environ is None else environ
    # A node issues tokens only for an explicit client id, but azure-identity does not read it from the node's variable
    # (azure-sdk-for-python#30427). Without an identity, this variable contains the word "clientid".
    if GUID.fullmatch(environ.get(COMPUTE_ID, "")):
        environ.setdefault(CLIENT_ID, environ[COMPUTE_ID])


class Identity:
    """The credential of this process: from the environment, a managed identity, or the Azure CLI, in this order."""

    def __init__(self) -> None:
        from azure.identity import DefaultAzureCredential

        logging.getLogger("azure.identity").setLevel(logging.CRITICAL)  # `get_token` raises the error that it would log
        self._found = DefaultAzureCredential()
        self._refusal = NOBODY  # recorded, because the error of a second attempt does not contain the reason

    def get_token(self, *scopes: str, **options: Any) -> "AccessToken":
        """Return a token for the given Azure scopes.

        Raises
        ------
        PlatformError
            If there is no identity, or Azure rejects it.
        """
        from azure.core.exceptions import ClientAuthenticationError

        try:
            return self._found.get_token(*scopes, **options)
        except ClientAuthenticationError as error:
            if found := REASON.search(str(error)):
                self._refusal = Reason(*found.groups())
            raise explain("log in to Azure", 401, [self._refusal]) from error
