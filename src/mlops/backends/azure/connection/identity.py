"""Who we are for Azure; that it does not know us is one error, whichever SDK asks."""

import logging
import re
from typing import Any

from mlops.errors import PlatformError

REASON = re.compile(r"AADSTS\d+: [^.\n]*")  # Entra ID's own words


class Identity:
    """The identity of this process, as the SDKs take a credential: environment, managed identity, Azure CLI, in order.

    What the SDKs would raise is a page about each place that was looked at, and not all of them raise the same.
    """

    def __init__(self) -> None:
        from azure.identity import DefaultAzureCredential

        logging.getLogger("azure.identity").setLevel(logging.CRITICAL)  # it says the same once more
        self._found = DefaultAzureCredential()

    def get_token(self, *scopes: str, **options: Any) -> Any:
        """Return a token for scopes of Azure.

        Raises
        ------
        PlatformError
            If there is no identity, or Azure does not know it: with the way to log in.
        """
        from azure.core.exceptions import ClientAuthenticationError

        try:
            return self._found.get_token(*scopes, **options)
        except ClientAuthenticationError as error:
            found = REASON.search(str(error))
            said = found[0] if found else "nobody is logged in here, and there is no managed identity"
            raise PlatformError(f"Azure does not let us in ({said}): run `az login`") from error
