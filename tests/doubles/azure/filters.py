"""The filters of requests for runs: those that the SDK writes, each with a condition on one field."""

import re
from collections.abc import Mapping
from typing import Any

FIELDS = {"Status": "status", "ParentRunId": "parentRunId", "RootRunId": "rootRunId", "RunType": "runType"}
EQUAL = re.compile(r'\(?(?P<field>\w+)(?:/(?P<key>[\w.-]+))? eq "?(?P<value>[^"]*?)"?\)?')
EXISTS = re.compile(r"\((?P<field>Tags|Properties)/(?P<key>[\w.-]+) ne null or (?P=field)/(?P=key) eq null\)")
TYPE = re.compile(r"\(RunType eq (?P<value>[\w.]+) or Properties/azureml\.runsource eq (?P=value)\)")


def meets(run: Mapping[str, Any], condition: str | None) -> bool:
    """Return whether a run meets a filter.

    Raises
    ------
    ValueError
        If the double does not know this kind of filter.
    """
    if not condition:
        return True
    clauses = condition[1:-1].split(" and ") if " and " in condition else [condition]
    return all(_meets_clause(run, clause.strip()) for clause in clauses)


def _meets_clause(run: Mapping[str, Any], clause: str) -> bool:
    if found := EXISTS.fullmatch(clause):
        return found["key"] in run[found["field"].lower()]
    if found := TYPE.fullmatch(clause):
        return found["value"] in (run.get("runType"), run["properties"].get("azureml.runsource"))
    if not (found := EQUAL.fullmatch(clause)):
        raise ValueError(f"cannot understand the filter {clause!r}")
    wanted = None if found["value"] == "null" else found["value"]
    if found["key"]:
        return run[found["field"].lower()].get(found["key"]) == wanted
    return run.get(FIELDS[found["field"]]) == wanted
