"""The identity of this process; that Azure does not accept it is one error, whichever SDK asks."""

import logging
import re
from typing import TYPE_CHECKING, Any

from mlops.backends.azure.connection.answers import Reason
from mlops.backends.azure.connection.refusals import explain

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

REASON = re.compile(r"(AADSTS\d+): ([^.\n]*)")  # Entra ID's own words
NOBODY = Reason("", "there is no identity here, neither in the environment nor of the machine nor of the Azure CLI")


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
