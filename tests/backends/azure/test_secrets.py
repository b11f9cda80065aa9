"""Secrets of Key Vault: where they are read, the message if there is none, and their redaction."""

from pathlib import Path

import pytest
from azure.keyvault.secrets._shared import http_challenge_cache
from doubles.azure.azure import Azure
from doubles.azure.key_vault import HOST
from doubles.azure.names import VAULT
from doubles.azure.routing import make_error

from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.backends.azure.secrets import AzureSecrets
from mlops.errors import DeploymentNotFoundError, PlatformError, SecretNotFoundError, UsageError
from mlops.workspace import Workspace

VALUE = "a-value-of-the-vault"


@pytest.fixture
def secrets(azure: Azure, workspace: Workspace) -> AzureSecrets:
    """The platform's secrets."""
    return open_secrets(workspace)


def open_secrets(workspace: Workspace) -> AzureSecrets:
    """Open the secrets as another process would."""
    return AzureSecrets(AzureSession(read_settings(workspace), workspace))


def list_noted(home: Path) -> str:
    """Return everything that is stored on this machine: names and contents of files."""
    files = [path for path in home.rglob("*") if path.is_file()]
    return "\n".join(str(path) + path.read_text() for path in files)


def test_a_secret_comes_from_the_vault_of_the_workspace(azure: Azure, secrets: AzureSecrets) -> None:
    azure.key_vault.put("storage-key", "an older value")
    azure.key_vault.put("storage-key", VALUE)
    http_challenge_cache.clear()  # an earlier test in this process may have asked the vault
    assert secrets.get_secret("storage-key") == VALUE
    first, second = azure.find_requests("GET", f"{HOST}/secrets/storage-key")
    assert ("Authorization" in first.headers, "Authorization" in second.headers) == (False, True)


def test_a_secret_that_is_missing_says_how_to_set_it_and_not_on_a_command_line(secrets: AzureSecrets) -> None:
    with pytest.raises(SecretNotFoundError) as raised:
        secrets.get_secret("storage-key")
    assert f"az keyvault secret set --vault-name {VAULT} --name storage-key --file" in str(raised.value)
    assert "--value" not in str(raised.value)


def test_a_secret_that_is_too_short_to_be_redacted_is_refused(azure: Azure, secrets: AzureSecrets) -> None:
    azure.key_vault.put("pin", "6")
    with pytest.raises(UsageError, match=rf"'pin' in the Key Vault {VAULT} has 1 characters. Use 8 or more"):
        secrets.get_secret("pin")
    assert list(secrets.list_values()) == []


def test_a_vault_that_is_busy_is_not_a_missing_role(azure: Azure, secrets: AzureSecrets) -> None:
    azure.fail_next("GET", f"{HOST}/secrets", make_error(503, "ServiceUnavailable", "busy"), times=9)
    with pytest.raises(
        PlatformError, match=rf"Could not read the secret 'storage-key' from the Key Vault {VAULT}. .*Azure stayed busy"
    ):
        secrets.get_secret("storage-key")


def test_an_environment_variable_wins_over_the_vault(
    azure: Azure, secrets: AzureSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.key_vault.put("storage-key", VALUE)
    monkeypatch.setenv("MLOPS_SECRET_STORAGE_KEY", "of-the-agent")
    assert secrets.get_secret("storage-key") == "of-the-agent"
    assert azure.requests == []


def test_a_secret_that_another_process_read_is_redacted_and_only_its_name_is_stored(
    azure: Azure, secrets: AzureSecrets, workspace: Workspace
) -> None:
    azure.key_vault.put("storage-key", VALUE)
    assert VALUE not in list(secrets.list_values())
    open_secrets(workspace).get_secret("storage-key")
    assert VALUE in list(secrets.list_values())
    assert VALUE not in list_noted(workspace.home)


def test_the_vault_is_asked_again_only_for_what_was_handed_out_since(azure: Azure, secrets: AzureSecrets) -> None:
    azure.key_vault.put("storage-key", VALUE)
    secrets.get_secret("storage-key")
    list(secrets.list_values())
    asked = len(azure.requests)
    assert VALUE in list(secrets.list_values())
    assert len(azure.requests) == asked


def test_a_secret_that_was_deleted_is_no_longer_redacted(
    azure: Azure, secrets: AzureSecrets, workspace: Workspace
) -> None:
    azure.key_vault.put("storage-key", VALUE)
    secrets.get_secret("storage-key")
    azure.key_vault.secrets.clear()
    assert list(open_secrets(workspace).list_values()) == []


def test_a_refusal_names_the_role_that_is_needed_and_not_the_value(azure: Azure, secrets: AzureSecrets) -> None:
    azure.key_vault.put("storage-key", VALUE)
    azure.key_vault.forbidden.add("storage-key")
    with pytest.raises(
        PlatformError, match=rf"Could not read the secret 'storage-key' from .* {VAULT}. .*Key Vault Secrets User"
    ):
        secrets.get_secret("storage-key")


def test_a_vault_that_is_busy_is_asked_again(azure: Azure, secrets: AzureSecrets) -> None:
    azure.key_vault.put("storage-key", VALUE)
    busy = make_error(429, "Throttled", "Request was not processed because too many requests were received.")
    azure.fail_next("GET", f"{HOST}/secrets", type(busy)(429, busy.body, {"Retry-After": "0"}))
    azure.fail_next("GET", f"{HOST}/secrets", None)
    assert secrets.get_secret("storage-key") == VALUE


def test_a_name_that_key_vault_cannot_have_is_refused_before_it_is_sent(azure: Azure, secrets: AzureSecrets) -> None:
    with pytest.raises(UsageError, match="'storage_key' cannot be the name of a secret"):
        secrets.get_secret("storage_key")
    assert azure.requests == []


def test_keys_of_a_service_that_is_not_there_are_not_found(azure: Azure, secrets: AzureSecrets) -> None:
    with pytest.raises(DeploymentNotFoundError, match="no web service diabetes-qa.*mlops run release"):
        secrets.get_keys("qa")
