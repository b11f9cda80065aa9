"""Explanations of refusals: the same text for a status, wherever it occurs."""

from collections.abc import Callable

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azureml.exceptions import AuthenticationException, UserErrorException
from doubles.azure.errors import make_http_error

from mlops.backends.azure.connection.answers import ReportedError
from mlops.backends.azure.connection.refusals import KEY_VAULT, RESOURCES, WORKSPACE, Scope, explain_refusals
from mlops.errors import NotFoundError, PlatformError


class Session:
    """A session that counts how often its token was forgotten."""

    def __init__(self) -> None:
        self.forgotten = 0

    def forget_credential(self) -> None:
        """Count."""
        self.forgotten += 1


@pytest.fixture
def session() -> Session:
    """The session that owns the token."""
    return Session()


def answer(status: int, code: str = "Refused", message: str = "not now.") -> requests.HTTPError:
    """Make the error of an answer."""
    return make_http_error(status, f'{{"error": {{"code": "{code}", "message": "{message}"}}}}')


def explain(session: Session, error: Exception, scope: Scope = WORKSPACE) -> str:
    """Return the explanation of an error."""
    with pytest.raises(PlatformError) as raised, explain_refusals(session, "do it", scope):
        raise error
    assert raised.value.__cause__ is error
    return str(raised.value)


@pytest.mark.parametrize(
    ("error", "scope", "text"),
    [
        (answer(401), WORKSPACE, "Refused: not now. Run `az login`, or renew the secret"),
        (answer(403), WORKSPACE, "Refused: not now. This identity needs the roles AzureML Data Scientist on the work"),
        (answer(403), KEY_VAULT, "Refused: not now. This identity needs the role Key Vault Secrets User on the Key V"),
        (answer(403), RESOURCES, "Refused: not now. This identity needs the role Owner (or Contributor and Role"),
        (answer(404), WORKSPACE, "Refused: not now. Check the section azure of parameters/azure.yml, or run `mlops"),
        (answer(409), WORKSPACE, "Refused: not now. Correct the problem that Azure names, then try again."),
        (
            answer(429),
            WORKSPACE,
            "Refused: not now. Azure stayed busy through all retries. Try again in a few minutes.",
        ),
        (
            answer(503),
            RESOURCES,
            "Refused: not now. Azure stayed busy through all retries. Try again in a few minutes.",
        ),
        (answer(400, "QuotaExceeded"), RESOURCES, "QuotaExceeded: not now. Choose another size or fewer nodes"),
        (answer(400, "QuotaExceeded"), WORKSPACE, "QuotaExceeded: not now. Correct the problem that Azure names"),
        (UserErrorException("no such option"), WORKSPACE, "no such option. Correct the problem that Azure names"),
        (ClientAuthenticationError("nobody"), WORKSPACE, "nobody. Run `az login`"),
        (AuthenticationException("nobody"), WORKSPACE, "nobody. Run `az login`"),
        (ReportedError({"code": "AlreadyInUse", "message": "x"}), RESOURCES, "AlreadyInUse: x. Another customer uses"),
        (ReportedError({}), RESOURCES, "Azure gave no reason. Correct"),
        (answer(400, "C", "m" * 600), WORKSPACE, f"C: {'m' * 497}.... Correct"),
    ],
)
def test_a_refusal_is_what_was_done_what_azure_said_and_what_to_do(
    session: Session, error: Exception, scope: Scope, text: str
) -> None:
    assert explain(session, error, scope).startswith(f"Could not do it. Azure said: {text}")


def test_every_reason_is_named_and_each_advice_once(session: Session) -> None:
    details = [{"code": "QuotaExceeded", "message": "a."}, {"code": "Quota", "message": "b."}, {"code": "X"}]
    text = explain(session, ReportedError({"details": details}), RESOURCES)
    assert "Azure said: QuotaExceeded: a; Quota: b; X. Choose another size" in text
    assert text.count("Choose another size") == 1


@pytest.mark.parametrize("make", [requests.ConnectionError, ServiceRequestError])
def test_a_lost_connection_is_not_a_refusal(session: Session, make: Callable[[str], Exception]) -> None:
    text = explain(session, make("no route to https://a.net/b?sig=signed"))
    assert text.startswith("Could not do it: Azure did not answer (no route to https://a.net/b). Check the network")


def test_only_a_token_that_is_rejected_is_forgotten(session: Session) -> None:
    explain(session, answer(403))
    assert session.forgotten == 0
    explain(session, answer(401))
    assert session.forgotten == 1


def test_the_innermost_block_explains_and_our_own_errors_pass(session: Session) -> None:
    outer, inner = explain_refusals(session, "do it"), explain_refusals(session, "do the inner thing")
    with pytest.raises(PlatformError, match="^Could not do the inner thing. "), outer, inner:
        raise answer(400)
    with pytest.raises(NotFoundError, match="^none$"), explain_refusals(session, "do it"):
        raise NotFoundError("none")
    with pytest.raises(KeyError), explain_refusals(session, "do it"):
        raise KeyError("ours")
