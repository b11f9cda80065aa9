"""Resource Manager: resource groups, resources, and deployments of templates into the double's group.

It makes Azure's checks before it creates anything. Then it creates one resource after the other, so if Azure refuses
one of them, the earlier ones exist. Deleted vaults and workspaces keep their names until they are purged.
"""

import itertools
import json
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

from doubles.azure.arm_template import Template, TemplateError
from doubles.azure.insights import CONNECTION_STRING
from doubles.azure.names import ARM, GROUP, GROUP_ID, LOCATION, SUBSCRIPTION, WORKSPACE_ID
from doubles.azure.routing import Request, Response, make_error

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

GROUPS = rf"{ARM}/subscriptions/(?P<subscription>[^/]+)/(?i:resourcegroups)/(?P<group>[^/]+)"
DEPLOY = rf"{GROUPS}/providers/Microsoft\.Resources/deployments/(?P<name>[^/]+)"
SOON = {"Retry-After": "0.01"}
NAMES = {  # the lengths that Azure requires
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.KeyVault/vaults": r"[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]",
    "Microsoft.ContainerRegistry/registries": r"[A-Za-z0-9]{5,50}",
    "Microsoft.MachineLearningServices/workspaces": r"[A-Za-z0-9][A-Za-z0-9_-]{2,32}",
    "Microsoft.MachineLearningServices/workspaces/computes": r"[A-Za-z](?![A-Za-z0-9-]*-\d+$)[A-Za-z0-9-]{2,23}",
    "Microsoft.Authorization/roleAssignments": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}
TAKEN = {
    "Microsoft.Storage/storageAccounts": (
        "StorageAccountAlreadyTaken",
        "The storage account named {} is already taken.",
    ),
    "Microsoft.KeyVault/vaults": ("VaultAlreadyExists", "The vault name '{}' is already in use."),
    "Microsoft.ContainerRegistry/registries": (
        "AlreadyInUse",
        "The registry DNS name {}.azurecr.io is already in use.",
    ),
}
ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
VAULT = "Microsoft.KeyVault/vaults"


class Refused(Exception):
    """A resource that Azure refuses to create."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


class Deployments:
    """The group and its resources.

    ``taken`` has names that another customer uses, by type. ``refusals`` has errors by type, with which the next
    creation of such a resource is refused. ``running`` is how many more times another user's deployment is still
    running. ``slow`` is how many seconds an operation takes.
    """

    def __init__(self) -> None:
        self.groups: dict[str, dict[str, str]] = {GROUP: {}}
        self.resources: dict[str, dict[str, Any]] = {}
        self.deleted_vaults: dict[str, dict[str, Any]] = {}
        self.deleted_workspaces: set[str] = set()
        self.taken: dict[str, str] = {}
        self.refusals: dict[str, tuple[str, str]] = {}
        self.running = 0
        self.slow = 0.0
        self._operations: dict[str, tuple[float, Response]] = {}
        self._deployed: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    def install(self, azure: "Azure") -> None:
        self._azure = azure
        base = rf"{ARM}/subscriptions/(?P<subscription>[^/]+)"
        routes = (
            ("GET", GROUPS, self._get_group),
            ("PUT", GROUPS, self._put_group),
            ("DELETE", GROUPS, self._delete_group),
            ("GET", rf"{GROUPS}/resources", self._list),
            ("POST", rf"{DEPLOY}/validate", self._validate),
            ("POST", rf"{DEPLOY}/whatIf", self._what_if),
            ("PUT", DEPLOY, self._deploy),
            ("GET", DEPLOY, self._get_deployment),
            ("GET", rf"{GROUPS}/providers/{WORKSPACE}/[^/]+/computes/[^/]+", self._get_compute),
            ("GET", rf"{base}/operationresults/(?P<name>\d+)", self._get_operation),
            ("DELETE", rf"{GROUPS}/providers/(?P<path>.+)", self._delete),
            ("GET", rf"{base}/providers/Microsoft\.KeyVault/deletedVaults", self._list_deleted),
            (
                "POST",
                rf"{base}/providers/Microsoft\.KeyVault/locations/[^/]+/deletedVaults/(?P<name>[^/]+)/purge",
                self._purge,
            ),
        )
        for method, pattern, handler in routes:
            azure.route(method, pattern)(self._in_subscription(handler))

    def start_empty(self) -> None:
        """Reset the subscription to one in which nothing is provisioned."""
        self.groups.clear()
        self._azure.workspaces.exists = False

    def find(self, resource_id: str) -> dict[str, Any] | None:
        """Return a resource by its id."""
        return self.resources.get(resource_id.lower())

    def list_types(self) -> list[str]:
        """Return the types of the existing resources, sorted."""
        return sorted(one["type"] for one in self.resources.values())

    def _in_subscription(self, handler: Any) -> Any:
        def check(request: Request) -> Response:
            if request["subscription"] != SUBSCRIPTION:
                text = f"The subscription '{request['subscription']}' could not be found."
                return make_error(404, "SubscriptionNotFound", text)
            if not request.headers.get("Authorization", "").startswith("Bearer "):
                return make_error(401, "AuthenticationFailed", "Authentication failed.")
            answer: Response = handler(request)
            return answer

        return check

    def _get_group(self, request: Request) -> Response:
        return (
            Response(body=self._describe(request["group"])) if request["group"] in self.groups else _no_group(request)
        )

    def _put_group(self, request: Request) -> Response:
        if not request.json.get("location"):
            return make_error(400, "LocationRequired", "The location property is required for this definition.")
        self.groups[request["group"]] = request.json.get("tags") or {}
        return Response(201, self._describe(request["group"]))

    def _describe(self, name: str) -> dict[str, Any]:
        group_id = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}"
        return {"id": group_id, "name": name, "location": LOCATION, "tags": self.groups[name], "properties": {}}

    def _delete_group(self, request: Request) -> Response:
        if request["group"] not in self.groups:
            return _no_group(request)
        for found in [one for one in self.resources.values() if _is_tracked(one)]:
            self._forget(found["id"], for_good=False)
        del self.groups[request["group"]]
        return self._accept(Response(200))

    def _list(self, request: Request) -> Response:
        if request["group"] not in self.groups:
            return _no_group(request)
        shown = [{key: one.get(key) for key in ("id", "name", "type", "location", "tags")} for one in self._tracked()]
        return Response(body={"value": shown})

    def _tracked(self) -> list[dict[str, Any]]:
        return [one for one in self.resources.values() if _is_tracked(one)]

    def _validate(self, request: Request) -> Response:
        if request["group"] not in self.groups:
            return _no_group(request)
        try:
            template, resources = self._read(request)
            for placed in resources:
                self._check(template, placed)
        except TemplateError as error:
            return make_error(400, "InvalidTemplate", f"TemplateDeployment template validation failed: '{error}'.")
        except Refused as error:
            inner = [{"code": error.code, "message": error.message}]
            return Response(400, _nest("InvalidTemplateDeployment", "See inner errors for details.", inner))
        return Response(body={"properties": {"provisioningState": "Succeeded", "mode": "Incremental"}})

    def _what_if(self, request: Request) -> Response:
        if request["group"] not in self.groups:
            return _no_group(request)
        try:
            template, resources = self._read(request)
        except TemplateError as error:
            return make_error(400, "InvalidTemplate", f"TemplateDeployment template validation failed: '{error}'.")
        changes = [self._compare(template, placed) for placed in resources]
        named = {change["resourceId"].lower() for change in changes}
        changes += [{"resourceId": i, "changeType": "Ignore"} for i in self.resources if i not in named]
        return self._accept(Response(body={"status": "Succeeded", "properties": {"changes": changes}}))

    def _compare(self, template: Template, placed: dict[str, Any]) -> dict[str, Any]:
        before = self.find(placed["id"])
        if before is None:
            return {"resourceId": placed["id"], "changeType": "Create"}
        after = template.fill(placed)
        changed = any(before["_asked"].get(key) != value for key, value in after.items())
        return {"resourceId": placed["id"], "changeType": "Modify" if changed else "NoChange"}

    def _deploy(self, request: Request) -> Response:
        if request["group"] not in self.groups:
            return _no_group(request)
        name = request["name"]
        if self.running:
            text = f"Unable to edit or replace deployment '{name}': previous deployment is still active."
            return make_error(409, "DeploymentActive", text)
        try:
            template, resources = self._read(request)
        except TemplateError as error:
            return make_error(400, "InvalidTemplate", f"TemplateDeployment template validation failed: '{error}'.")
        state, outcome = "Succeeded", Response(body={"status": "Succeeded"})
        try:
            for placed in resources:
                self._make(template, placed)
        except Refused as error:
            state = "Failed"
            text = json.dumps({"status": "Failed", "error": {"code": error.code, "message": error.message}})
            nested = _nest("DeploymentFailed", "At least one resource deployment operation failed.", [])
            nested["error"]["details"] = [{"code": "ResourceDeploymentFailure", "message": text}]
            outcome = Response(body={"status": "Failed", **nested})
        self._deployed[name] = {"id": f"{GROUP_ID}/providers/Microsoft.Resources/deployments/{name}", "name": name}
        self._deployed[name]["properties"] = {"provisioningState": state, "mode": "Incremental"}
        headers = {"Azure-AsyncOperation": self._remember(outcome), **SOON}
        return Response(201, {**self._deployed[name], "properties": {"provisioningState": "Accepted"}}, headers)

    def _get_deployment(self, request: Request) -> Response:
        if self.running:
            self.running -= 1
            return Response(body={"name": request["name"], "properties": {"provisioningState": "Running"}})
        known = {"name": request["name"], "properties": {"provisioningState": "Succeeded"}}
        return Response(body=self._deployed.get(request["name"], known))

    def _get_compute(self, request: Request) -> Response:
        """Answer with a compute of another workspace."""
        found = self.find(request.path)
        if found is None:
            return make_error(404, "ResourceNotFound", f"The Resource '{request.path}' was not found.")
        state = {"provisioningState": "Succeeded"}
        return Response(body={"id": found["id"], "properties": {**found["properties"], **state}})

    def _read(self, request: Request) -> tuple[Template, list[dict[str, Any]]]:
        properties = request.json["properties"]
        if properties.get("mode") != "Incremental":
            raise TemplateError("only incremental deployments are asked for: a complete one deletes what others made")
        template = Template(properties["template"], properties.get("parameters", {}), self.find)
        return template, template.list_resources()

    def _check(self, template: Template, placed: dict[str, Any]) -> None:
        """Check what Azure checks both before and during a deployment."""
        kind, name = placed["type"], placed["name"].split("/")[-1]
        if not re.fullmatch(NAMES.get(kind, ".*"), name):
            raise Refused("InvalidResourceName", f"The name '{name}' is not valid for {kind}.")
        source = placed["source"]
        if kind.count("/") == 1 and kind != ASSIGNMENT and not source.get("location"):
            raise Refused("LocationRequired", f"The location property is required for '{name}'.")
        if self.find(placed["id"]) is None and self.taken.get(kind) == name:
            code, text = TAKEN[kind]
            raise Refused(code, text.format(name))
        if kind == VAULT and name in self.deleted_vaults:
            text = f"A vault with the same name '{name}' already exists in deleted state."
            raise Refused("ConflictError", f"{text} You need to either recover or purge existing key vault.")
        if kind == WORKSPACE and placed["id"] in self.deleted_workspaces:
            raise Refused("BadRequest", "Soft-deleted workspace exists. Please purge or recover it.")

    def _make(self, template: Template, placed: dict[str, Any]) -> None:
        self._check(template, placed)
        kind = placed["type"]
        if kind in self.refusals:
            raise Refused(*self.refusals.pop(kind))
        if placed["scope"] and self.find(placed["scope"]) is None:
            raise Refused("ResourceNotFound", f"The Resource '{placed['scope']}' was not found.")
        try:
            made = template.fill(placed)
        except TemplateError as error:
            raise Refused("InvalidTemplate", str(error)) from error
        before = self.find(placed["id"])
        self._check_change(made, before)
        asked = dict(made)
        if "SystemAssigned" in str(made.get("identity")):
            principal = str(uuid.uuid5(uuid.NAMESPACE_URL, made["id"].lower()))
            made["identity"] = {**made["identity"], "principalId": principal}
        if kind == "Microsoft.Insights/components":
            made["properties"] = {**made["properties"], "ConnectionString": CONNECTION_STRING}
        if kind == "Microsoft.ContainerService/managedClusters":
            kubelet = {"kubeletidentity": {"objectId": str(uuid.uuid5(uuid.NAMESPACE_URL, "kubelet"))}}
            made["properties"] = {**made["properties"], "identityProfile": kubelet}
        self.resources[made["id"].lower()] = {**made, "_asked": asked}
        if kind == "Microsoft.Insights/components":
            self._add_along("microsoft.alertsmanagement/smartDetectorAlertRules", f"Failure Anomalies - {made['name']}")
        if made["id"] == WORKSPACE_ID:
            self._azure.workspaces.exists = True

    def _check_change(self, made: dict[str, Any], before: dict[str, Any] | None) -> None:
        if made["type"] == ASSIGNMENT:
            same = [one for one in self.resources.values() if one["type"] == ASSIGNMENT and one["id"] != made["id"]]
            scope = made["id"].split("/providers/Microsoft.Authorization")[0]
            keys = ("principalId", "roleDefinitionId")
            for one in same:
                alike = all(one["properties"][key] == made["properties"][key] for key in keys)
                if alike and one["id"].startswith(f"{scope}/providers/Microsoft.Authorization"):
                    raise Refused("RoleAssignmentExists", "The role assignment already exists.")
        elif before and made["properties"].get("computeType") == "AKS":
            if made["properties"]["resourceId"] == before["properties"]["resourceId"]:
                raise Refused("DoubleRefuses", "Attaching a cluster again breaks the attachment that there is.")
        elif before and made["type"].endswith("workspaces/computes"):
            for key in ("vmSize", "vmPriority"):
                old, new = ((one["properties"].get("properties") or {}).get(key) for one in (before, made))
                if old != new:
                    raise Refused("BadRequest", f"Cannot change property '{key}' of compute '{made['name']}'.")

    def _add_along(self, kind: str, name: str, tags: dict[str, str] | None = None) -> None:
        """Add the untagged resources that Azure itself adds."""
        one = {"id": f"{GROUP_ID}/providers/{kind}/{name}", "name": name, "type": kind, "location": "global"}
        self.resources[one["id"].lower()] = {**one, "tags": tags, "properties": {}, "_asked": one}

    def add_other(self, kind: str, name: str, tags: dict[str, str] | None = None) -> None:
        """Put a resource of another user into the group."""
        self._add_along(kind, name, tags)

    def _delete(self, request: Request) -> Response:
        resource_id = request.path
        if not request.query.get("api-version"):
            return make_error(400, "MissingApiVersionParameter", "The api-version query parameter is required.")
        if self.find(resource_id) is None:
            return Response(204)
        for_good = "true" in (request.query.get("forceToPurge"), request.query.get("force"))
        self._forget(resource_id, for_good=for_good)
        return self._accept(Response(200))

    def _forget(self, resource_id: str, *, for_good: bool) -> None:
        found = self.resources[resource_id.lower()]
        below = [
            one for one in self.resources if one == resource_id.lower() or one.startswith(resource_id.lower() + "/")
        ]
        for one in below:
            del self.resources[one]
        if found["type"] == VAULT:
            self.deleted_vaults[found["name"]] = found
        if found["type"] == WORKSPACE:
            if not for_good:
                self.deleted_workspaces.add(found["id"])
            if found["id"] == WORKSPACE_ID:
                self._azure.workspaces.exists = False

    def _list_deleted(self, request: Request) -> Response:
        base = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/locations/{LOCATION}/deletedVaults"
        shown = [
            {
                "id": f"{base}/{name}",
                "name": name,
                "type": "Microsoft.KeyVault/deletedVaults",
                "properties": {"vaultId": one["id"], "location": LOCATION, "tags": one.get("tags")},
            }
            for name, one in self.deleted_vaults.items()
        ]
        return Response(body={"value": shown})

    def _purge(self, request: Request) -> Response:
        if self.deleted_vaults.pop(request["name"], None) is None:
            return make_error(
                404, "DeletedVaultNotFound", f"The specified deleted vault '{request['name']}' does not exist."
            )
        return self._accept(Response(200))

    def _accept(self, outcome: Response) -> Response:
        return Response(202, None, {"Location": self._remember(outcome), **SOON})

    def _remember(self, outcome: Response) -> str:
        number = str(next(self._numbers))
        self._operations[number] = (time.monotonic() + self.slow, outcome)
        return f"https://{ARM}/subscriptions/{SUBSCRIPTION}/operationresults/{number}?api-version=2025-04-01"

    def _get_operation(self, request: Request) -> Response:
        ready, outcome = self._operations[request["name"]]
        return outcome if time.monotonic() >= ready else Response(202, {"status": "Running"}, self._headers(request))

    def _headers(self, request: Request) -> dict[str, str]:
        return {"Location": f"https://{request.host}{request.target}", **SOON}


def _is_tracked(one: dict[str, Any]) -> bool:
    return one["type"].count("/") == 1 and one["type"] != ASSIGNMENT


def _nest(code: str, message: str, details: list[dict[str, Any]]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": details}}


def _no_group(request: Request) -> Response:
    return make_error(404, "ResourceGroupNotFound", f"Resource group '{request['group']}' could not be found.")
