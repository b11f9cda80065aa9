"""The resources that people create in Azure DevOps according to docs/azure.md. The files must not name any others."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

KINDS = "pipeline|service connection|variable group|variable|environment"
ROW = re.compile(rf"^\| ({KINDS}) \| `([^`]+)` \| (.*) \|$", re.MULTILINE)
NAME = re.compile(r"`([\w.-]+)`")


@dataclass(frozen=True)
class Documented:
    """The names of the documented resources, by kind.

    Parameters
    ----------
    pipelines, connections, environments : frozenset of str
        The names of these resources in Azure DevOps.
    groups : mapping of str to tuple of str
        The variables of each variable group.
    variables : mapping of str to str
        The pipeline variables that people may set; their values are empty by default.
    """

    pipelines: frozenset[str]
    connections: frozenset[str]
    environments: frozenset[str]
    groups: Mapping[str, tuple[str, ...]]
    variables: Mapping[str, str]


def read_documented(project: Path) -> Documented:
    """Read the table in docs/azure.md of a checkout."""
    rows = ROW.findall((project / "docs" / "azure.md").read_text(encoding="utf-8"))
    names = {kind: frozenset(name for found, name, _ in rows if found == kind) for kind, _, _ in rows}
    return Documented(
        names["pipeline"],
        names["service connection"],
        names["environment"],
        {name: tuple(NAME.findall(text)) for kind, name, text in rows if kind == "variable group"},
        dict.fromkeys(names["variable"], ""),
    )
