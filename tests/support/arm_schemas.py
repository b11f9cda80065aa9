"""A trimmed copy of Microsoft's schemas of ARM resources, and the validation of templates with this copy.

``arm-schemas/`` contains the part of https://github.com/Azure/azure-resource-manager-schemas (MIT, Copyright Microsoft)
that our template needs. To create the copy again, run ``python tests/support/arm_schemas.py FOLDER`` with the folder
``schemas`` of a checkout of this repository. The copy differs from the originals:

- It has only the `RESOURCES` and the definitions that they refer to, without descriptions and child resources.
- It refuses unknown properties, which the originals accept.
- A union with a discriminator ("computeType") becomes one whole object for each of `KEPT_VARIANTS`. In the originals
  the common part of the union refuses the properties of every variant, so no compute is valid.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

FOLDER = Path(__file__).with_name("arm-schemas")
BASE = "https://schema.management.azure.com/schemas/"
ENVELOPE = "2019-04-01/deploymentTemplate.json"
COMMON = "common/definitions.json"
RESOURCES = {
    "2020-02-02/Microsoft.Insights.Application.json": ("components",),
    "2022-04-01/Microsoft.Authorization.json": ("roleAssignments",),
    "2025-05-01/Microsoft.KeyVault.json": ("vaults", "vaults_secrets"),
    "2025-06-01/Microsoft.Storage.json": (
        "storageAccounts",
        "storageAccounts_blobServices",
        "storageAccounts_blobServices_containers",
    ),
    "2025-07-01/Microsoft.OperationalInsights.json": ("workspaces",),
    "2025-09-01/Microsoft.ContainerService.Aks.json": ("managedClusters",),
    "2025-11-01/Microsoft.ContainerRegistry.json": ("registries",),
    "2025-12-01/Microsoft.MachineLearningServices.json": (
        "workspaces",
        "workspaces_computes",
        "workspaces_datastores",
    ),
}
KEPT_VARIANTS = ("AKS", "AmlCompute", "AzureBlobDatastore", "NoneDatastoreCredentials")
OF_ALL = ("dependsOn", "comments", "condition", "scope", "location", "tags")  # checked in the schema of the template


def find_errors(template: Mapping[str, Any]) -> list[str]:
    """Return the errors of a template according to Microsoft's schemas, each with its place."""
    errors = [_describe("template", error) for error in _make_validator(ENVELOPE, "").iter_errors(template)]
    for number, resource in enumerate(template["resources"]):
        path, name = find_schema(resource)
        shown = {key: value for key, value in resource.items() if key not in OF_ALL or key in _properties(path, name)}
        validator = _make_validator(path, f"/resourceDefinitions/{name}")
        errors += [
            _describe(f"resources[{number}] {resource['type']}", error) for error in validator.iter_errors(shown)
        ]
    return errors


def find_schema(resource: Mapping[str, Any]) -> tuple[str, str]:
    """Return the file and the name of a resource's schema."""
    namespace, _, kinds = resource["type"].partition("/")
    for path, names in RESOURCES.items():
        version, _, file = path.partition("/")
        if version == resource["apiVersion"] and file.lower().startswith(namespace.lower()):
            name = kinds.replace("/", "_")
            if name in names:
                return path, name
    raise AssertionError(f"no schema of {resource['type']} {resource['apiVersion']}: add it to RESOURCES")


def _describe(where: str, error: Any) -> str:
    # Show the errors of a union's branches, because the error of the union itself does not say what is wrong.
    plain = ("additionalProperties", "const", "enum", "required")
    deepest = max([error, *_walk(error)], key=lambda one: (len(one.absolute_path), one.validator in plain))
    return f"{where}.{'.'.join(map(str, deepest.absolute_path))}: {deepest.message[:200]}"


def _walk(error: Any) -> Iterator[Any]:
    for inner in error.context:
        yield inner
        yield from _walk(inner)


def _properties(path: str, name: str) -> Any:
    return _read(path)["resourceDefinitions"][name]["properties"]


def _read(path: str) -> Any:
    return json.loads((FOLDER / path.replace("/", ".")).read_text(encoding="utf-8"))


def _make_validator(path: str, pointer: str) -> Any:
    def retrieve(uri: str) -> Any:
        return Resource(contents=_read(uri.removeprefix(BASE)), specification=DRAFT7)

    return Draft7Validator({"$ref": f"{BASE}{path}#{pointer}"}, registry=Registry(retrieve=retrieve))  # type: ignore[call-arg]


def trim(source: Path) -> None:
    """Create the copy from the folder of the originals."""
    FOLDER.mkdir(exist_ok=True)
    for path, names in RESOURCES.items():
        original = json.loads((source / path).read_text(encoding="utf-8-sig"))
        kept: dict[str, Any] = {"resourceDefinitions": {}, "definitions": {}}
        for name in names:
            resource = original["resourceDefinitions"][name]
            resource["properties"].pop("resources", None)
            kept["resourceDefinitions"][name] = _clean(resource, original["definitions"])
        _add_definitions(kept, original["definitions"])
        _write(path, kept)
    envelope = json.loads((source / ENVELOPE).read_text(encoding="utf-8-sig"))
    envelope["definitions"]["resource"] = {"$ref": "#/definitions/resourceBase"}
    envelope["definitions"].pop("resourceBaseExternal", None)
    _write(ENVELOPE, {key: value for key, value in envelope.items() if key not in ("id", "$schema")})
    common = json.loads((source / COMMON).read_text(encoding="utf-8-sig"))
    _write(COMMON, {"definitions": {"expression": common["definitions"]["expression"]}})


def _add_definitions(kept: dict[str, Any], definitions: Mapping[str, Any]) -> None:
    while missing := _list_references(kept) - kept["definitions"].keys():
        for name in missing:
            kept["definitions"][name] = _clean(definitions[name], definitions)


def _list_references(schema: object) -> set[str]:
    return set(re.findall(r'"#/definitions/([^"]+)"', json.dumps(schema)))


def _clean(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Return a schema without descriptions, which refuses unknown properties and has whole objects in its unions."""
    if isinstance(schema, list):
        return [_clean(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "allOf" in schema and "oneOf" in schema["allOf"][-1]:
        return _clean(_merge_variants(schema, definitions), definitions)
    cleaned = {
        key: {name: _clean(one, definitions) for name, one in value.items()}
        if key == "properties"
        else _clean(value, definitions)
        for key, value in schema.items()
        if not (key == "description" and isinstance(value, str))
    }
    if cleaned.get("properties") and "additionalProperties" not in cleaned:
        cleaned["additionalProperties"] = False
    return cleaned


def _merge_variants(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    common, union = schema["allOf"]
    variants = []
    for variant in union["oneOf"]:
        name = variant["allOf"][0]["$ref"].split("/")[-1]
        if name not in KEPT_VARIANTS:
            continue
        own, fixed = definitions[name], variant["allOf"][1]
        properties = {**common["properties"], **own.get("properties", {}), **fixed["properties"]}
        required = sorted({*common.get("required", ()), *own.get("required", ()), *fixed["required"]})
        variants.append({"type": "object", "properties": properties, "required": required})
    return {"oneOf": variants}


def _write(path: str, schema: Mapping[str, Any]) -> None:
    text = json.dumps(schema, indent=1, sort_keys=True)
    (FOLDER / path.replace("/", ".")).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    trim(Path(sys.argv[1]))
