"""The expansion of a file before it runs, as in Azure Pipelines: templates, ``${{ if }}``, ``${{ parameters.x }}``."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from azure_pipelines.expressions import Scope, evaluate, is_true

EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # ten times as fast, if PyYAML was built with libyaml
LISTS = ("steps", "jobs", "stages", "variables")  # the kinds of lists that a template can contain


class TemplateError(Exception):
    """An error in a template, a parameter or an expression, which Azure Pipelines would refuse."""


@cache
def read_yaml(text: str) -> dict[str, Any]:
    """Parse a file. Every scalar stays text. Copy the result before you change it."""
    return yaml.load(text, LOADER)


def list_choices(text: str) -> list[dict[str, str]]:
    """Return all sets of parameters that a pipeline allows. Without parameters, return a single empty set."""
    sets: list[dict[str, str]] = [{}]
    for declared in read_yaml(text).get("parameters", []):
        values = declared.get("values", [declared.get("default", "")])
        sets = [{**known, declared["name"]: value} for known in sets for value in values]
    return sets


def expand_file(text: str, path: Path, given: Mapping[str, str]) -> dict[str, Any]:
    """Expand a pipeline or a template.

    Parameters
    ----------
    text : str
        The content of the file.
    path : Path
        The path of the file. Paths of templates are relative to its folder.
    given : mapping of str to str
        The values of parameters. Other parameters have their defaults.

    Raises
    ------
    TemplateError
        If a template, parameter or expression is wrong.
    """
    tree = dict(read_yaml(text))
    declared = {"parameters": tree.pop("parameters")} if "parameters" in tree else {}
    scope = Scope(_bind(declared.get("parameters", []), given, path.name), {})
    try:
        expanded: dict[str, Any] = _expand(tree, path.parent, scope)
    except ValueError as error:
        raise TemplateError(f"{path.name}: {error}") from error
    return declared | expanded


def _bind(declared: list[dict[str, Any]], given: Mapping[str, str], name: str) -> dict[str, str]:
    known = {parameter["name"]: parameter for parameter in declared}
    for unknown in given.keys() - known.keys():
        raise TemplateError(f"{name} has no parameter {unknown!r}")
    for parameter in declared:
        value = given.get(parameter["name"], parameter.get("default"))
        if value is None:
            raise TemplateError(f"{name} is not given its parameter {parameter['name']!r}")
        if "values" in parameter and value not in parameter["values"]:
            raise TemplateError(f"{name}: {value!r} is no value of the parameter {parameter['name']!r}")
    return {parameter: given.get(parameter, known[parameter].get("default", "")) for parameter in known}


def _expand(node: Any, folder: Path, scope: Scope) -> Any:
    if isinstance(node, str):
        return EXPRESSION.sub(lambda found: str(evaluate(found[1], scope)), node)
    if isinstance(node, list):
        return list(_expand_items(node, folder, scope))
    return {key: _expand(value, folder, scope) for key, value in node.items()}


def _expand_items(items: list[Any], folder: Path, scope: Scope) -> Iterator[Any]:
    taken = False  # whether a branch of the current conditional has been chosen
    for item in items:
        branch = _find_branch(item)
        if branch:
            word, condition, content = branch
            holds = not taken if word == "else" else is_true(evaluate(condition, scope))
            taken = holds or taken
            if holds:
                yield from _expand_items(content, folder, scope)
            taken = taken and word != "else"
        elif isinstance(item, dict) and "template" in item:
            yield from _include(item, folder, scope)
        else:
            yield _expand(item, folder, scope)
        taken = taken and bool(branch)


def _find_branch(item: Any) -> tuple[str, str, list[Any]] | None:
    if not isinstance(item, dict) or len(item) != 1:
        return None
    (key, content), *_ = item.items()
    found = EXPRESSION.fullmatch(key)
    if not found:
        return None
    word, _, condition = found[1].partition(" ")
    if word not in ("if", "else"):
        raise ValueError(f"{key}: only if and else are known")
    return word, condition, content


def _include(item: Mapping[str, Any], folder: Path, scope: Scope) -> list[Any]:
    for key in item.keys() - {"template", "parameters"}:
        raise TemplateError(f"template {item['template']}: it takes no {key!r}")
    path = folder / item["template"]
    if not path.is_file():
        raise TemplateError(f"there is no template {item['template']!r}")
    given = _expand(item.get("parameters", {}), folder, scope)
    tree = expand_file(path.read_text(encoding="utf-8"), path, given)
    (kind,) = tree.keys() & set(LISTS)
    return tree[kind]
