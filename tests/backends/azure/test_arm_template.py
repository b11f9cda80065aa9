"""The ARM template: valid according to Microsoft's schemas, filled from the settings, and safe by default."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from arm_schemas import find_errors
from doubles.azure.arm_template import Template, TemplateError

from mlops.backends.azure.connection.settings import DECLARED, AzureSettings
from mlops.backends.azure.infrastructure.arm_template import make_parameters, make_tags, read_template

NOT_IN_TEMPLATE = {
    "container_registry",  # checked, but not created  # these are for the SDK, not for Resource Manager
    "subscription_id",
    "resource_group",
    "retry_seconds",
    "telemetry_share",
    "dataset",
    "dataset_path",
    "pipeline",
    "recurrence",
    "data_trigger_path",
    "data_trigger_minutes",
}


@pytest.fixture
def template() -> dict[str, Any]:
    """The template, as it is deployed."""
    return read_template()


@pytest.fixture
def settings() -> AzureSettings:
    """The default settings."""
    return AzureSettings()


def find_resource(template: dict[str, Any], kind: str, number: int = 0) -> dict[str, Any]:
    """Return a resource of a type: "vaults"."""
    found = [one for one in template["resources"] if one["type"].endswith(f"/{kind}")]
    assert found
    return dict(found[number])


def test_the_template_is_valid(template: dict[str, Any]) -> None:
    assert find_errors(template) == []


def change_a_value(template: dict[str, Any]) -> None:
    workspace = find_resource(template, "workspaces", 1)  # the first one is Log Analytics
    workspace["properties"]["publicNetworkAccess"] = "Maybe"


def change_a_name(template: dict[str, Any]) -> None:
    find_resource(template, "computes")["properties"]["properties"]["scaleSettings"]["minNodes"] = 0


def change_a_type(template: dict[str, Any]) -> None:
    find_resource(template, "storageAccounts")["properties"]["allowBlobPublicAccess"] = "no"


def forget_what_is_required(template: dict[str, Any]) -> None:
    del find_resource(template, "vaults")["properties"]["tenantId"]


def choose_an_unknown_compute(template: dict[str, Any]) -> None:
    find_resource(template, "computes")["properties"]["computeType"] = "Abacus"


def misname_a_part_of_the_template(template: dict[str, Any]) -> None:
    template["resource"] = template["resources"]


def mistype_a_parameter(template: dict[str, Any]) -> None:
    template["parameters"]["location"]["type"] = "text"


SEEDS = {
    change_a_value: r"MachineLearningServices/workspaces.properties.publicNetworkAccess: 'Maybe'",
    change_a_name: r"workspaces/computes.properties.properties.scaleSettings: .*'minNodes' was unexpected",
    change_a_type: r"storageAccounts.properties.allowBlobPublicAccess: 'no' is not",
    forget_what_is_required: r"vaults.properties: 'tenantId' is a required property",
    choose_an_unknown_compute: r"computes.properties.computeType: .*",
    misname_a_part_of_the_template: r"template\..*'resource' was unexpected",
    mistype_a_parameter: r"template\.parameters\.location\.type: 'text'",
}


@pytest.mark.parametrize(("seed", "message"), SEEDS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_seeded_mistake_is_found(
    template: dict[str, Any], seed: Callable[[dict[str, Any]], None], message: str
) -> None:
    seed(template)
    errors = find_errors(template)
    assert any(re.search(message, error) for error in errors), errors


def test_every_parameter_is_fed_and_used(template: dict[str, Any], settings: AzureSettings) -> None:
    text = json.dumps({"variables": template["variables"], "resources": template["resources"]})
    used = set(re.findall(r"parameters\('(\w+)'\)", text))
    assert template["parameters"].keys() == make_parameters(settings).keys() == used
    variables = set(re.findall(r"variables\('(\w+)'\)", json.dumps(template)))
    assert template["variables"].keys() == variables


def test_every_setting_of_the_infrastructure_reaches_the_template(settings: AzureSettings) -> None:
    """Each changed setting changes its own parameter, so none is forgotten and no two are swapped."""
    others = {
        "compute_priority": "dedicated",
        "kubernetes_resource_id": "/subscriptions/s/resourceGroups/g/providers/p",
    }
    before = make_parameters(settings)
    for parameter in DECLARED:
        if parameter.name in NOT_IN_TEMPLATE or parameter.name.startswith(
            ("qa_", "production_", "collect_", "telemetry_")
        ):
            continue
        other = others.get(parameter.name, 7 if isinstance(parameter.default, int) else "other")
        after = make_parameters(AzureSettings(**{**vars(settings), parameter.name: other}))
        changed = {name for name in before if before[name] != after[name]}
        expected = re.sub(r"_(\w)", lambda found: found[1].upper(), parameter.name).replace("IdleSeconds", "IdleTime")
        assert changed == {expected}
        assert str(other).lower() in str(after[expected]).lower()


def test_what_is_made_is_safe_by_default(template: dict[str, Any]) -> None:
    storage = find_resource(template, "storageAccounts")["properties"]
    assert storage["supportsHttpsTrafficOnly"] is True
    assert storage["allowBlobPublicAccess"] is False
    assert storage["minimumTlsVersion"] == "TLS1_2"
    vault = find_resource(template, "vaults")["properties"]
    assert (vault["enableRbacAuthorization"], vault["enableSoftDelete"]) == (True, True)
    assert find_resource(template, "containers")["properties"]["publicAccess"] == "None"
    registry = find_resource(template, "registries")["properties"]
    # The SDK builds images as the admin user.
    assert registry == {"adminUserEnabled": True, "anonymousPullEnabled": False}
    cluster = find_resource(template, "computes")
    assert cluster["properties"]["properties"]["remoteLoginPortPublicAccess"] == "Disabled"
    assert cluster["identity"] == {"type": "SystemAssigned"}
    assert find_resource(template, "computes", 1)["properties"]["properties"]["sslConfiguration"]["status"] == "Auto"


def test_the_compute_may_do_what_a_retraining_does_and_no_more(template: dict[str, Any]) -> None:
    """The compute reads and writes blobs, reads secrets and images, finds Application Insights, registers models."""
    assignments = [one for one in template["resources"] if one["type"].endswith("/roleAssignments")]
    given = dict(re.findall(r'"(\w+)": "\[subscriptionResourceId\([^,]+, \'([0-9a-f-]{36})\'\)', json.dumps(template)))
    assert given == {
        "blobContributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        "secretsUser": "4633458b-17de-408a-b874-0445c86b69e6",
        "secretsOfficer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
        "registryPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
        "reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "dataScientist": "f6c7c914-8db3-469d-8ca1-694a8f32e121",
    }
    roles = {
        (re.findall(r"'(\w+)'", one["scope"])[0], re.findall(r"'(\w+)'", one["properties"]["roleDefinitionId"])[0])
        for one in assignments
        if "variables('computeId')" in one["properties"]["principalId"]
    }
    assert roles == {
        ("storageId", "blobContributor"),
        ("vaultId", "secretsUser"),
        ("registryId", "registryPull"),
        ("insightsId", "reader"),
        ("workspaceId", "dataScientist"),
    }


def test_everything_that_can_have_tags_has_ours(template: dict[str, Any], settings: AzureSettings) -> None:
    tags = {**make_tags(settings), "workspace": "[parameters('workspace')]"}
    assert make_tags(settings)["workspace"] == settings.workspace
    without = {one["type"].split("/", 1)[1] for one in template["resources"] if one.get("tags") != tags}
    assert without == {
        "storageAccounts/blobServices",
        "storageAccounts/blobServices/containers",
        "workspaces/datastores",
        "roleAssignments",
    }


def test_nothing_secret_is_put_out(template: dict[str, Any]) -> None:
    assert not re.search(r"listKeys|listCredentials|secureString|password", json.dumps(template), re.IGNORECASE)


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ({"variables": {"unique": "[newGuid()]"}}, "function 'newGuid' is not valid"),
        ({"variables": {"unique": "[concat('a'"}}, "Unable to parse"),
        ({"parameters": {}}, "were supplied, but do not correspond"),
    ],
)
def test_the_double_refuses_what_resource_manager_does(
    template: dict[str, Any], settings: AzureSettings, mistake: dict[str, Any], message: str
) -> None:
    broken = copy.deepcopy(template)
    for name, value in mistake.items():
        broken[name] = {**broken[name], **value} if value else {}
    given = {name: {"value": value} for name, value in make_parameters(settings).items()}
    with pytest.raises(TemplateError, match=message):
        Template(broken, given, lambda _: None).list_resources()
