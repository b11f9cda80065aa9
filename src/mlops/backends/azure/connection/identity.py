"""The identity of this process; that Azure does not accept it is one error, whichever SDK asks."""

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
REASON = re.compile(r"(AADSTS\d+): ([^.\n]*)")  # Entra ID's own words
NOBODY = Reason("", "there is no identity here, neither in the environment nor of the machine nor of the Azure CLI")


def adopt_compute_identity(environ: MutableMapping[str, str] | None = None) -> None:
    """Have every credential of this process, and of those that it starts, be the managed identity of its compute.

    A node of a compute cluster hands out tokens only for a client id, also if the cluster has one identity. It gives
    the id in a variable that azure-identity does not read (azure-sdk-for-python#30427). A compute without an identity
    has the word "clientid" there.

    Parameters
    ----------
    environ : mutable mapping, optional
        The environment; this process's by default. An identity that is chosen there already stays.
    """
    environ = os.environ if environ is None else environ
    if GUID.fullmatch(environ.get(COMPUTE_ID, "")):
        environ.setdefault(CLIENT_ID, environ[COMPUTE_ID])


class Identity:
    """The identity of this process, as the SDKs take a credential: environment, managed identity, Azure CLI, in order.

    The SDKs would raise a page about each place that was searched, and not all of them raise the same error.
    """

    def __init__(self) -> None:
        from azure.identity import DefaultAzureCredential

        logging.getLogger("azure.identity").setLevel(logging.CRITICAL)  # it logs the same again
        self._found = DefaultAzureCredential()

    def get_token(self, *scopes: str, **options: Any) -> "AccessToken":
        """Return a token for scopes of Azure.

        Raises
        ------
        PlatformError
            If there is no identity, or Azure rejects it: with the way to log in.
        """
        from azure.core.exceptions import ClientAuthenticationError

        try:
            return self._found.get_token(*scopes, **options)
        except ClientAuthenticationError as error:
            found = REASON.search(str(error))
            raise explain("log in to Azure", 401, [Reason(*found.groups()) if found else NOBODY]) from error
