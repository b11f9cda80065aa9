"""The check of a pipeline against the official schema, as Azure Pipelines interprets it.

The schema is a copy of the one in Microsoft's azure-pipelines-vscode (MIT licence; the version is in its ``$comment``),
without descriptions. It was written for an editor, so a plain JSON-schema validator is wrong in five cases:

- Azure Pipelines reads every scalar as text, even ``timeoutInMinutes: 0``, so load the YAML with `yaml.BaseLoader`.
  Then "boolean" and "integer" mean text of this form, or an expression.
- ``ignoreCase`` and ``aliases`` are extensions of the schema. Without them, valid names and values of inputs are
  refused.
- ``firstProperty`` selects a branch of an ``anyOf``. Without it, the error says only that no branch matches.
- A task can match any of 259 branches, so one wrong input or an unknown task gives hundreds of errors. So this module
  checks the rest of the file first, and then each task against the branches with its name. A few tasks, such as
  PublishCodeCoverageResults@2, have no branch, so their inputs are not checked.
- It requires an ``image`` for every container. According to Microsoft's examples, a container of the type ACR has a
  registry and a repository instead.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

SCHEMA = Path(__file__).with_name("azure-pipelines-schema.json")
EXPRESSION = r"\$[\[({].*"  # $(variable), ${{ template expression }}, $[ runtime expression ]
IN_REGISTRY = ("azureSubscription", "resourceGroup", "registry", "repository")
CONTAINER = {
    "required": ["container"],
    "additionalProperties": False,
    "if": {"required": ["type"]},
    "then": {"required": IN_REGISTRY},
    "else": {"required": ["image"]},
}
SCALARS = {"boolean": "true|false", "integer": r"-?\d+"}


def find_schema_errors(pipeline: Mapping[str, Any]) -> list[str]:
    """Return the errors of a pipeline.

    Parameters
    ----------
    pipeline : mapping
        The file, loaded with `yaml.BaseLoader`.

    Returns
    -------
    list of str
        Messages of the form "stages.0.jobs.0: error". Empty if there are no errors.
    """
    definitions = _read_definitions()
    container = {**definitions["containerResource"], **CONTAINER}
    known = {**definitions, "task": _loosen_task(definitions), "containerResource": container}
    loose = {"definitions": known, "$ref": "#/definitions/pipeline"}
    errors = [_describe(error) for error in Validator(loose).iter_errors(pipeline)]
    return errors + [error for path, task in _list_tasks(pipeline) for error in _check_task(path, task)]


@cache
def _read_definitions() -> dict[str, Any]:
    return _adapt(json.loads(SCHEMA.read_text())["definitions"])


def _adapt(node: Any) -> Any:
    """Translate the schema, with its extensions and its typed scalars, into a plain JSON schema for text."""
    if isinstance(node, list):
        return [_adapt(item) for item in node]
    if not isinstance(node, dict):
        return node
    adapted = {key: _adapt(item) for key, item in node.items()}
    any_case = node.get("ignoreCase") in ("value", "all")
    if isinstance(node.get("type"), str) and node["type"] in SCALARS:
        return {**adapted, "type": "string", "pattern": rf"(?i)^({SCALARS[node['type']]}|{EXPRESSION})$"}
    if any_case and isinstance(node.get("enum"), list):
        allowed = "|".join(re.escape(value) for value in adapted.pop("enum"))
        return {**adapted, "type": "string", "pattern": f"(?i)^({allowed}|{EXPRESSION})$"}
    if any_case and isinstance(node.get("pattern"), str):
        return {**adapted, "pattern": "(?i)" + node["pattern"]}
    return adapted


def _check_meant_branch(validator: Any, branches: list[Any], instance: Any, schema: Any) -> Iterator[ValidationError]:
    keys = instance if isinstance(instance, dict) else ()
    meant = [branch for branch in branches if _find_first_property(branch) in keys]
    if len(meant) == 1:
        yield from validator.descend(instance, meant[0])
    else:
        yield from Draft7Validator.VALIDATORS["anyOf"](validator, branches, instance, schema)


def _find_first_property(branch: Mapping[str, Any]) -> str:
    if "$ref" in branch:
        branch = _read_definitions()[branch["$ref"].rpartition("/")[2]]
    return (branch.get("firstProperty") or branch.get("required") or [""])[0]


Validator = extend(Draft7Validator, {"anyOf": _check_meant_branch})


def _loosen_task(definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a task without its branches, so that any name and any inputs are valid."""
    around = definitions["taskBase"]["properties"] | definitions["task"]["properties"]
    properties = {**around, "task": {"type": "string"}, "inputs": {"type": "object"}}
    return {"type": "object", "properties": properties, "required": ["task"], "additionalProperties": False}


def _list_tasks(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict) and isinstance(node.get("task"), str):
        yield path, node
    elif isinstance(node, dict | list):
        for key, item in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _list_tasks(item, f"{path}.{key}".lstrip("."))


def _check_task(path: str, task: dict[str, Any]) -> list[str]:
    definitions = _read_definitions()
    branches = _find_branches(task["task"])
    if not branches:
        named = [name for item in definitions["task"]["properties"]["task"]["anyOf"] for name in _list_names(item)]
        return [] if task["task"] in named else [f"{path}: there is no task {task['task']!r}"]
    found: list[str] = []
    for branch in branches:  # some tasks have a second branch for deprecated names of inputs
        validator = Validator({**branch, "definitions": definitions})
        errors = [f"{path}.{_describe(error)}" for error in validator.iter_errors(_name_inputs(task, branch))]
        if not errors:
            return []
        found = found or errors
    return found


@cache
def _find_branches(name: str) -> list[dict[str, Any]]:
    """Return the branches of a task. They are cached, because the cache of `re` is too small for their 259 patterns."""
    branches: list[dict[str, Any]] = _read_definitions()["task"]["anyOf"]
    return [branch for branch in branches if re.search(branch["properties"]["task"]["pattern"], name)]


def _list_names(item: Mapping[str, Any]) -> list[str]:
    """Return the names of tasks in a pattern that `_adapt` made from an enumeration."""
    return re.findall(r"[\w.-]+@\d+", re.sub(r"\\(.)", r"\1", item.get("pattern", ""))) or item.get("enum", [])


def _name_inputs(task: dict[str, Any], branch: Mapping[str, Any]) -> dict[str, Any]:
    """Return the task with aliases and other spellings of its inputs replaced by the names in the schema."""
    if not isinstance(task.get("inputs"), dict):
        return task
    declared = branch["properties"].get("inputs", {}).get("properties", {})
    names = {known.lower(): name for name, of in declared.items() for known in (name, *of.get("aliases", ()))}
    return {**task, "inputs": {names.get(name.lower(), name): value for name, value in task["inputs"].items()}}


def _describe(error: ValidationError) -> str:
    deepest = best_match([error])
    return f"{'.'.join(str(part) for part in deepest.absolute_path)}: {deepest.message}"
