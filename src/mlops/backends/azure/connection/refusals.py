"""Explanations of requests that Azure refused: what could not be done, what Azure said, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from mlops.backends.azure.connection.answers import (
    BUSY,
    Reason,
    ReportedError,
    find_status,
    is_unreachable,
    read_reasons,
)
from mlops.errors import PlatformError

LONGEST = 500  # maximum number of characters to quote from Azure's answer
LOGIN = "Run `az login`, or renew the secret of the identity, then try again."
WAIT = "Azure stayed busy through all retries. Try again in a few minutes."
RIGHTS = (
    "This identity needs {role}. Ask an Owner to run `az role assignment create`, and allow a few minutes for it to "
    "take effect. `az account show` prints your identity and subscription."
)
ADVICE = {
    401: LOGIN,
    403: RIGHTS,
    404: "Check the section azure of parameters/azure.yml, or run `mlops provision --platform azure`.",
    **dict.fromkeys(BUSY, WAIT),
}
OTHERWISE = "Correct the problem that Azure names, then try again."
UNREACHABLE = "Check the network, then run the same command again. Azure continues the operations that it has started."

PURGE = (
    "Free the name with `mlops provision --delete --platform azure`, or by hand with `az keyvault purge --name NAME` "
    "or `az ml workspace delete --name NAME --permanently-delete`. To restore a vault instead, run `az keyvault "
    "recover --name NAME`."
)
QUOTA = (
    "Choose another size or fewer nodes (compute_vm_size, compute_max_nodes, kubernetes_vm_size, kubernetes_min_nodes "
    "in parameters/azure.yml), or raise the quota of that machine family in the Azure portal under Quotas or with `az "
    "quota update`."
)
TAKEN = (
    "Another customer uses that name, which is derived from the subscription, resource group and workspace. Choose "
    "another name for the workspace."
)
ASSIGNED = (
    "That role was assigned by hand, or to an identity that has been deleted. Find the assignment with `az role "
    "assignment list --scope ID --output table`, delete it with `az role assignment delete --ids ID`, and provision "
    "again."
)
FIXED = (
    "Azure cannot change this property of an existing compute. Choose a new name (compute_name or kubernetes_name in "
    "parameters/azure.yml), provision and publish, then delete the old compute with `az ml compute delete`."
)
NO_SUBSCRIPTION = "Check azure.subscription_id in parameters/azure.yml; `az account list` prints yours."
NOT_SOLD = (
    "That size is unavailable to you in that region. Choose another compute_vm_size, kubernetes_vm_size or location in "
    "parameters/azure.yml."
)
UNREGISTERED = "Run `az provider register --namespace NAMESPACE` with the namespace that Azure names."
CODES = (  # advice for texts in the code or message of an error, in lower case; the first match counts
    (("deleted state", "soft-deleted", "softdeleted", "recently deleted"), PURGE),
    (("quotaexceeded", "quota", "operationnotallowed: cores", "insufficientvcpu", "clustercoresquota"), QUOTA),
    (("alreadytaken", "alreadyexists", "alreadyinuse", "already in use", "namenotavailable"), TAKEN),
    (("subscriptionnotfound", "invalidsubscriptionid"), NO_SUBSCRIPTION),
    (("roleassignmentexists", "roleassignmentupdatenotpermitted"), ASSIGNED),
    (("authorizationfailed", "linkedauthorizationfailed", "forbidden"), RIGHTS),
    (("cannot change property", "propertychangenotallowed"), FIXED),
    (("skunotavailable", "notavailableforsubscription", "locationnotavailable"), NOT_SOLD),
    (("missingsubscriptionregistration",), UNREGISTERED),
    (("toomanyrequests", "serverbusy", "serviceunavailable"), WAIT),
)


@dataclass(frozen=True)
class Scope:
    """A kind of Azure resource: the role that is needed to use it, and the advice for each error code."""

    role: str
    codes: tuple[tuple[tuple[str, ...], str], ...] = ()


WORKSPACE = Scope(
    "the roles AzureML Data Scientist on the workspace and Storage Blob Data Contributor on its storage account"
)
KEY_VAULT = Scope("the role Key Vault Secrets User on the Key Vault")
RESOURCES = Scope(
    "the role Owner (or Contributor and Role Based Access Control Administrator) on the resource group", CODES
)


class Authenticated(Protocol):
    """An object that has a token for Azure."""

    def forget_credential(self) -> None:
        """Forget the token, so that the next request gets a new one."""


@contextmanager
def explain_refusals(session: Authenticated, doing: str, scope: Scope = WORKSPACE) -> Iterator[None]:
    """Convert errors that Azure's SDKs raise in the ``with`` block to a `PlatformError`.

    Parameters
    ----------
    session : Authenticated
        The object with the token for the requests.
    doing : str
        The action, as it follows "Could not" in the message, such as "register the model 'churn'".
    scope : Scope
        The kind of resource to which the request is sent.

    Raises
    ------
    PlatformError
        If a request failed.
    """
    from azure.core.exceptions import AzureError
    from azureml.exceptions import AzureMLException
    from msrest.exceptions import ClientException
    from requests.exceptions import RequestException

    try:
        yield
    except (AzureMLException, ClientException, AzureError, RequestException, ReportedError) as error:
        status = _find_status_or_401(error)
        if status == 401:
            session.forget_credential()
        if not status and (is_unreachable(error) or not isinstance(error, AzureMLException | ReportedError)):
            raise explain_silence(doing, str(read_reasons(error)[0])) from error
        raise explain(doing, status, read_reasons(error), scope) from error


def explain(doing: str, status: int, reasons: list[Reason], scope: Scope = WORKSPACE) -> PlatformError:
    """Return the error for a request that Azure refused: what could not be done, Azure's reasons, and what to do.

    Parameters
    ----------
    doing : str
        The action, as it follows "Could not" in the message.
    status : int
        The HTTP status of Azure's answer; 0 if there is none.
    reasons : list of Reason
        The reasons in Azure's answer.
    scope : Scope
        The kind of resource to which the request was sent.
    """
    said = "; ".join(str(reason).rstrip(". ") for reason in reasons)
    found = [advice for reason in reasons if (advice := _find_advice(reason, scope))]
    advice = " ".join(dict.fromkeys(found)) or ADVICE.get(status, OTHERWISE)
    return PlatformError(f"Could not {doing}. Azure said: {_shorten(said)}. {advice.format(role=scope.role)}")


def explain_silence(doing: str, detail: str = "") -> PlatformError:
    """Return the error for a request that Azure did not answer.

    `doing` is the action, as it follows "Could not" in the message. `detail` is the SDK's message, or "".
    """
    said = f" ({_shorten(detail)})" if detail else ""
    return PlatformError(f"Could not {doing}: Azure did not answer{said}. {UNREACHABLE}")


def _find_status_or_401(error: BaseException) -> int:
    from azure.core.exceptions import ClientAuthenticationError
    from azureml.exceptions import AuthenticationException

    rejected = isinstance(error, ClientAuthenticationError | AuthenticationException)
    return find_status(error) or (401 if rejected else 0)


def _find_advice(reason: Reason, scope: Scope) -> str:
    said = f"{reason.code}: {reason.message}".lower()
    return next((advice for words, advice in scope.codes if any(word in said for word in words)), "")


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
