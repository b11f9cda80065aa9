"""Secrets in the workspace's Key Vault, and the keys of its web services."""

import os
import re
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from mlops.backends.azure.connection.refusals import KEY_VAULT, explain_refusals
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.services.web_services import find_service, name_service
from mlops.errors import DeploymentNotFoundError, SecretNotFoundError, UsageError
from mlops.platform.secret_variables import SHORTEST, list_variables, name_variable

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient

NAME = re.compile("[0-9a-zA-Z-]{1,127}")  # Key Vault's rule for names
SECRET, KEYS = "secret.", "keys."  # prefixes of the file names that record which secrets were read


class AzureSecrets:
    """See `mlops.platform.secrets.Secrets`."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
        # Notebooks read secrets in their own processes. The names are recorded, so that the runner can redact them.
        self._noted = session.project.home / "azure" / "handed-out"
        self._known: dict[tuple[str, int], tuple[str, ...]] = {}

    def get_secret(self, name: str) -> str:
        """See `Secrets`. The environment variable ``MLOPS_SECRET_<NAME>`` takes precedence over the Key Vault."""
        given = os.environ.get(name_variable(name))
        if given is not None:
            return given
        if not NAME.fullmatch(name):
            raise UsageError(f"{name!r} cannot be the name of a secret. Key Vault allows letters, digits and dashes.")
        value = self._find(name)
        if value is not None and len(value) < SHORTEST:
            raise UsageError(
                f"The secret {name!r} in the Key Vault {self._vault} has {len(value)} characters. Use {SHORTEST} or "
                "more, because redacting a shorter secret would also replace parts of ordinary words."
            )
        if value is None:
            raise SecretNotFoundError(
                f"The Key Vault {self._vault} has no secret {name!r}. Add it with `az keyvault secret set "
                f"--vault-name {self._vault} --name {name} --file FILE`, or set the environment variable "
                f"{name_variable(name)}."
            )
        self._note(SECRET + name)
        return value

    def get_keys(self, environment: str) -> tuple[str, str]:
        """See `Secrets`."""
        keys = self._find_keys(environment)
        if keys is None:
            name = name_service(self._session.settings, environment)
            raise DeploymentNotFoundError(
                f"There is no web service {name}, so there are no keys. Run `mlops run release --platform azure`."
            )
        self._note(KEYS + environment)
        return keys

    def list_values(self) -> Iterable[str]:
        """See `Secrets`."""
        yield from list_variables()
        for path in sorted(self._noted.glob("*")):
            noted = (path.name, path.stat().st_mtime_ns)
            # read once, because this method is called often
            if noted not in self._known:
                self._known[noted] = self._fetch(path.name)
            yield from self._known[noted]

    def _note(self, what: str) -> None:
        self._noted.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self._noted / what).touch()

    def _fetch(self, noted: str) -> tuple[str, ...]:
        if noted.startswith(KEYS):
            return self._find_keys(noted.removeprefix(KEYS)) or ()
        return tuple(filter(None, [self._find(noted.removeprefix(SECRET))]))

    def _find_keys(self, environment: str) -> tuple[str, str] | None:
        service = find_service(self._session, environment)
        if service is None:
            return None
        with explain_refusals(self._session, f"read the keys of {service.name}"):
            primary, secondary = service.get_keys()
        return primary, secondary

    def _find(self, name: str) -> str | None:
        from azure.core.exceptions import ResourceNotFoundError

        doing = f"read the secret {name!r} from the Key Vault {self._vault}"
        with explain_refusals(self._session, doing, KEY_VAULT):
            try:
                return str(self._client.get_secret(name).value)
            except ResourceNotFoundError:
                return None

    @cached_property
    def _client(self) -> "SecretClient":
        from azure.keyvault.secrets import SecretClient

        url = f"https://{self._vault}.vault.azure.net"
        return SecretClient(url, self._session.credential, **self._session.client_options)

    @cached_property
    def _vault(self) -> str:
        return str(self._session.workspace.get_details()["keyVault"]).rsplit("/", 1)[-1]
