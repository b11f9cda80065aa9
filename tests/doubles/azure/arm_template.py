"""The evaluation of ARM templates: envelope, parameters, and only the part of the language that our template uses."""

import hashlib
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from doubles.azure.names import DEPLOYER, GROUP_ID, SUBSCRIPTION, TENANT, UNIQUE, WORKSPACE

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<name>[A-Za-z]\w*)|(?P<sign>[()\[\],.]))")
TYPES: dict[str, type | tuple[type, ...]] = {"string": str, "int": int, "bool": bool, "object": dict, "array": list}


class TemplateError(Exception):
    """A template that Azure refuses as InvalidTemplate."""


@dataclass
class Template:
    """A template with its parameters.

    Parameters
    ----------
    source : mapping
        The template.
    given : mapping
        ``{"name": {"value": ...}}``.
    find : callable
        Returns a resource of the group by its id, or None. The template function `reference` calls it.
    """

    source: Mapping[str, Any]
    given: Mapping[str, Any]
    find: Callable[[str], Mapping[str, Any] | None]
    values: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.source.get("$schema") != SCHEMA or not re.fullmatch(r"\d+(\.\d+){3}", self.source["contentVersion"]):
            raise TemplateError("the template has no $schema or contentVersion that is known here")
        declared = self.source.get("parameters", {})
        unknown = sorted(self.given.keys() - declared.keys())
        if unknown:
            raise TemplateError(f"The following parameters were supplied, but do not correspond to any: {unknown}")
        for name, parameter in declared.items():
            self.values[name] = self._read_parameter(name, parameter)

    def _read_parameter(self, name: str, parameter: Mapping[str, Any]) -> Any:
        if name not in self.given and "defaultValue" not in parameter:
            raise TemplateError(f"The value for the template parameter '{name}' is not provided.")
        value = self.given[name]["value"] if name in self.given else parameter["defaultValue"]
        if not isinstance(value, TYPES[parameter["type"]]) or (parameter["type"] == "int" and isinstance(value, bool)):
            raise TemplateError(f"The provided value for the template parameter '{name}' is not {parameter['type']}.")
        if "allowedValues" in parameter and value not in parameter["allowedValues"]:
            raise TemplateError(f"The provided value '{value}' for the template parameter '{name}' is not valid.")
        if isinstance(value, int) and not parameter.get("minValue", value) <= value <= parameter.get("maxValue", value):
            raise TemplateError(f"The provided value {value} for the template parameter '{name}' is out of range.")
        return value

    def list_resources(self) -> list[dict[str, Any]]:
        """Return the resources to create, with evaluated ids and names, in an order that satisfies dependencies."""
        made = [self._place(one) for one in self.source["resources"] if self.evaluate(one.get("condition", True))]
        ids = [one["id"].lower() for one in made]
        if len(set(ids)) != len(ids):
            raise TemplateError("a resource is defined twice")
        everything = {self._place(one)["id"].lower() for one in self.source["resources"]}
        for one in made:
            for needed in one["dependsOn"]:
                if needed.lower() not in everything:
                    raise TemplateError(f"The resource '{needed}' is not defined in the template.")
        return list(_sort(made))

    def _place(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        kind, name = resource["type"], self.evaluate(resource["name"])
        if len(kind.split("/")) - 1 != len(name.split("/")):
            raise TemplateError(f"'{name}' for type '{kind}' has incorrect segment lengths.")
        scope = self.evaluate(resource.get("scope", ""))
        resource_id = f"{scope}/providers/{kind}/{name}" if scope else make_id(kind, *name.split("/"))
        needed = [self.evaluate(one) for one in resource.get("dependsOn", [])]
        return {"id": resource_id, "name": name, "type": kind, "dependsOn": needed, "scope": scope, "source": resource}

    def fill(self, placed: Mapping[str, Any]) -> dict[str, Any]:
        """Return a resource with all of its expressions evaluated."""
        kept = ("location", "tags", "kind", "sku", "identity", "properties")
        filled = {name: self.evaluate(placed["source"][name]) for name in kept if name in placed["source"]}
        return {"id": placed["id"], "name": placed["name"].split("/")[-1], "type": placed["type"], **filled}

    def evaluate(self, value: Any) -> Any:
        """Evaluate the expressions in brackets anywhere in a value."""
        if isinstance(value, Mapping):
            return {name: self.evaluate(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.evaluate(inner) for inner in value]
        if isinstance(value, str) and value.startswith("[") and not value.startswith("[["):
            return _Expression(value[1:-1], self).read_all()
        return value

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Call a function of the language, or refuse an unknown one."""
        functions: dict[str, Callable[..., Any]] = {
            "concat": lambda *texts: "".join(texts),
            "deployer": lambda: {"objectId": DEPLOYER, "tenantId": TENANT},
            "empty": lambda value: not value,
            "environment": lambda: {"suffixes": {"storage": "core.windows.net"}},
            "guid": lambda *texts: str(uuid.uuid5(uuid.NAMESPACE_URL, "-".join(texts))),
            "if": lambda condition, yes, no: yes if condition else no,
            "parameters": lambda key: self.values[key],
            "reference": self._reference,
            "resourceGroup": lambda: {"id": GROUP_ID},
            "resourceId": make_id,
            "subscription": lambda: {"id": f"/subscriptions/{SUBSCRIPTION}", "tenantId": TENANT},
            "subscriptionResourceId": lambda kind, one: f"/subscriptions/{SUBSCRIPTION}/providers/{kind}/{one}",
            "uniqueString": make_unique,
            "variables": lambda key: self.evaluate(self.source["variables"][key]),
        }
        if name not in functions:
            raise TemplateError(f"The template function '{name}' is not valid.")
        return functions[name](*arguments)

    def _reference(self, resource_id: str, version: str, full: str = "") -> Any:
        found = self.find(resource_id)
        if found is None:
            raise TemplateError(f"ResourceNotFound: {resource_id}")
        return found if full.lower() == "full" else found["properties"]


class _Expression:
    """One expression: a recursive descent over its tokens."""

    def __init__(self, text: str, template: Template) -> None:
        self._template = template
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(text.rstrip()):
            found = TOKEN.match(text, place)
            if not found or not found.lastgroup:
                raise TemplateError(f"Unable to parse language expression '{text}'.")
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            place = found.end()
        self._text = text

    def read_all(self) -> Any:
        value = self._read()
        if self._tokens:
            raise TemplateError(f"Unable to parse language expression '{self._text}'.")
        return value

    def _read(self) -> Any:
        kind, token = self._tokens.pop(0)
        if kind == "text":
            return token[1:-1].replace("''", "'")
        if kind == "number":
            return int(token)
        self._expect("(")
        arguments = []
        while not self._next_is(")"):
            arguments.append(self._read())
            if self._next_is(","):
                self._expect(",")
        self._expect(")")
        value = self._template.call(token, arguments)
        while self._next_is("."):
            self._expect(".")
            value = value[self._tokens.pop(0)[1]]
        return value

    def _next_is(self, sign: str) -> bool:
        if not self._tokens:
            if sign in ".,":
                return False
            raise TemplateError(f"Unable to parse language expression '{self._text}'.")
        return self._tokens[0] == ("sign", sign)

    def _expect(self, sign: str) -> None:
        if not self._next_is(sign):
            raise TemplateError(f"Unable to parse language expression '{self._text}': expected {sign}.")
        self._tokens.pop(0)


def make_id(kind: str, *names: str) -> str:
    """Return the id of a resource of the group: `resourceId`."""
    namespace, *types = kind.split("/")
    if len(types) != len(names):
        raise TemplateError(f"resourceId of '{kind}' with {len(names)} names")
    return f"{GROUP_ID}/providers/{namespace}/" + "/".join(f"{a}/{b}" for a, b in zip(types, names, strict=True))


def make_unique(*texts: str) -> str:
    """Return 13 characters, always the same for the same texts: `uniqueString`."""
    if texts == (GROUP_ID, WORKSPACE):
        return UNIQUE
    return "u" + hashlib.sha256("-".join(texts).encode()).hexdigest()[:12]


def _sort(resources: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    left, done = list(resources), set[str]()
    ids = {one["id"].lower() for one in resources}
    while left:
        ready = [one for one in left if {needed.lower() for needed in one["dependsOn"]} & ids <= done]
        if not ready:
            raise TemplateError("Circular dependency detected on resources.")
        yield from ready
        done |= {one["id"].lower() for one in ready}
        left = [one for one in left if one not in ready]
