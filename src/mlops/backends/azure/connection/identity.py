"""The identity of this process. If Azure rejects it, every SDK raises the same error."""

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
    """Use the managed identity of the compute for every credential of this process and its children.

    A node of a compute cluster issues tokens only for an explicit client id, even if the cluster has only one identity.
    The node has this client id in the variable DEFAULT_IDENTITY_CLIENT_ID, but the package azure-identity reads only
    AZURE_CLIENT_ID (azure-sdk-for-python#30427). On a compute without an identity, the node's variable contains the
    word "clientid".

    Parameters
    ----------
    environ : mutable mapping, optional
        The environment variables, by default those of this process. An identity that is already set is kept.
    """
    environ = os.environ if environ is None else environ
    if GUID.fullmatch(environ.get(COMPUTE_ID, "")):
        environ.setdefault(CLIENT_ID, environ[COMPUTE_ID])


class Identity:
    """The credential of this process: from the environment, a managed identity, or the Azure CLI, in this order.

    The errors of this class are short. An SDK's error is a page long, because it lists every place that was searched.
    """

    def __init__(self) -> None:
        from azure.identity import DefaultAzureCredential

        logging.getLogger("azure.identity").setLevel(logging.CRITICAL)  # it would also log the error raised below
        self._found = DefaultAzureCredential()

    def get_token(self, *scopes: str, **options: Any) -> "AccessToken":
        """Return a token for the given Azure scopes.

        Raises
        ------
        PlatformError
            If there is no identity, or Azure rejects it. The message says how to log in.
        """
        from azure.core.exceptions import ClientAuthenticationError

        try:
            return self._found.get_token(*scopes, **options)
        except ClientAuthenticationError as error:
            found = REASON.search(str(error))
            raise explain("log in to Azure", 401, [Reason(*found.groups()) if found else NOBODY]) from error
