"""What Azure refused, as one message with the fix: Resource Manager nests errors in errors, some of them as text."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mlops.backends.azure.connection.settings import AzureSettings
from mlops.errors import MlopsError, PlatformError

PURGE = (
    "free the name with `mlops provision --delete --platform azure`, or by hand: `az keyvault purge --name NAME`, "
    "`az ml workspace delete --name NAME --permanently-delete`; or take the old one back: "
    "`az keyvault recover --name NAME`"
)
QUOTA = (
    "choose another size or less nodes (compute_vm_size, compute_max_nodes, kubernetes_vm_size, kubernetes_min_nodes "
    "in parameters/azure.yml), or ask for more of that family: Azure portal, Quotas, or `az quota update`"
)
TAKEN = "somebody else has that name, which is made of the subscription, group and workspace: choose another workspace"
RIGHTS = (
    "you need the role Owner (or Contributor and Role Based Access Control Administrator) on it: "
    "`az role assignment create`; or you are in another subscription: `az account show`"
)
ASSIGNED = (
    "the role was given by hand, or to an identity that was deleted since: delete that assignment (`az role assignment "
    "list --scope ID --output table` lists them, `az role assignment delete --ids ID`), and provisioning makes its own"
)
FIXED = (
    "what is there cannot become that: choose another name for the new one (compute_name or kubernetes_name in "
    "parameters/azure.yml), provision and publish, then delete the old one (`az ml compute delete`)"
)
FIXES = (  # what is found in code or message, in lower case; the first one counts
    (("deleted state", "soft-deleted", "softdeleted", "recently deleted"), PURGE),
    (("quotaexceeded", "quota", "operationnotallowed: cores", "insufficientvcpu", "clustercoresquota"), QUOTA),
    (("alreadytaken", "alreadyexists", "alreadyinuse", "already in use", "namenotavailable"), TAKEN),
    (
        ("subscriptionnotfound", "invalidsubscriptionid"),
        "check azure.subscription_id in parameters/azure.yml; `az account list` shows yours",
    ),
    (("roleassignmentexists", "roleassignmentupdatenotpermitted"), ASSIGNED),
    (("authorizationfailed", "linkedauthorizationfailed", "forbidden"), RIGHTS),
    (("cannot change property", "propertychangenotallowed"), FIXED),
    (
        ("skunotavailable", "notavailableforsubscription", "locationnotavailable"),
        "that size is not sold to you in that region: choose another compute_vm_size, kubernetes_vm_size or location",
    ),
    (("missingsubscriptionregistration",), "`az provider register --namespace NAMESPACE` with the one that it names"),
    (
        ("toomanyrequests", "serverbusy", "serviceunavailable"),
        "Azure is busy, and stayed so while this was tried again: try again in some minutes",
    ),
)


@dataclass(frozen=True)
class Refusal:
    """One error of Azure's, without those that only say that there is another."""

    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code


def list_refusals(body: object) -> list[Refusal]:
    """Return the innermost errors of an error body.

    Parameters
    ----------
    body : object
        ``{"error": {"code", "message", "details": [...]}}``; a message may hold such a body as text.
    """
    return list(dict.fromkeys(_walk(body)))


def _walk(body: object) -> Iterator[Refusal]:
    if not isinstance(body, Mapping):
        return
    if isinstance(body.get("error"), Mapping):
        yield from _walk(body["error"])
        return
    inner = [refusal for detail in body.get("details") or () for refusal in _walk(detail)]
    inner += _walk(_read_json(body.get("message")))
    if inner:
        yield from inner
    elif body.get("code"):
        yield Refusal(str(body["code"]), " ".join(str(body.get("message") or "").split()))


def _read_json(text: object) -> object:
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def find_fix(refusal: Refusal) -> str:
    """Return what to do about an error; empty where we know nothing better than what Azure says."""
    said = f"{refusal.code}: {refusal.message}".lower()
    return next((fix for words, fix in FIXES if any(word in said for word in words)), "")


def explain(doing: str, body: object, otherwise: str) -> PlatformError:
    """Return the error for a person: what was done, every innermost refusal, what to do.

    Parameters
    ----------
    doing : str
        "setting up mlops-ws in mlops-rg".
    body : object
        What Azure answered.
    otherwise : str
        What to say where it answered nothing that can be read.
    """
    refusals = list_refusals(body)
    said = "; ".join(str(refusal).rstrip(".") for refusal in refusals) or otherwise
    fixes = [fix for fix in dict.fromkeys(find_fix(refusal) for refusal in refusals) if fix]
    return PlatformError(f"{doing}: Azure refused: {said}" + "".join(f". To do: {fix}" for fix in fixes))


@contextmanager
def refusals_explained(settings: AzureSettings, doing: str) -> Iterator[None]:
    """Turn what azure-core raises within into a PlatformError that names the place and says what to do."""
    from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

    where = f"{doing} (workspace {settings.workspace}, resource group {settings.resource_group})"
    try:
        yield
    except MlopsError:
        raise
    except ClientAuthenticationError as error:
        raise PlatformError(f"{where}: Azure does not let us in ({_shorten(error)}): run `az login`") from error
    except HttpResponseError as error:
        raise explain(where, read_body(error), _shorten(error)) from error
    except AzureError as error:
        raise PlatformError(
            f"{where}: the connection to Azure was lost ({_shorten(error)}); what was started goes on there: "
            "run the same command again"
        ) from error


def read_body(error: Any) -> object:
    """Return the JSON of the answer that an azure-core error was made from; None where there is none."""
    if error.response is None:
        return None
    try:
        return error.response.json()
    except ValueError:
        return None


def _shorten(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
