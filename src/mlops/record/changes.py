"""The parameters of a run that differ from those of the last successful run."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from mlops.parameters.lookup import RESERVED, SHARED
from mlops.record.ledger import RunRecord
from mlops.record.steps import StepRecord

LONGEST = 40  # maximum length of a value; longer paths are shortened at the beginning, other values at the end
UNKNOWN = "default"
NOTHING, FIRST, NONE_SUCCEEDED = "none", "first run", "no earlier run succeeded"


def list_changes(run: RunRecord, older: Iterable[RunRecord]) -> list[str]:
    """Return the parameters whose values differ from those in the last successful run of the same pipeline.

    Parameters
    ----------
    run : RunRecord
        The run to compare.
    older : iterable of RunRecord
        The runs that started before `run`, newest first.

    Returns
    -------
    list of str
        One string per change: "train.alpha 0.1 (before: 0.4)". If nothing changed, or if there is no successful run to
        compare with, a single string that says so. Empty for a run without parameters.
    """
    if run.settings.parameters is None:
        return []
    why = FIRST
    for found in older:
        if _is_comparable(run, found):
            if found.state == "succeeded":
                return list(_compare(run, found)) or [NOTHING]
            why = NONE_SUCCEEDED
    return [why]


def measure_duration(run: RunRecord) -> str:
    """Format the duration of a run: "41 s" or "3 min 5 s". Return "" if the run has not ended."""
    try:
        taken = datetime.fromisoformat(run.finished) - datetime.fromisoformat(run.started)
    except ValueError:
        return ""
    minutes, seconds = divmod(round(taken.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _is_comparable(run: RunRecord, other: RunRecord) -> bool:
    given = other.settings
    return other.pipeline == run.pipeline and given.only == run.settings.only and given.parameters is not None


def _compare(run: RunRecord, before: RunRecord) -> Iterator[str]:
    if run.platform != before.platform:
        yield f"platform {_describe_change(run.platform, before.platform)}"
    changed: dict[tuple[str, str, str], list[str]] = {}  # for each change, the steps that have it
    for step in run.steps:
        old = before.step(step.name)
        if old is None or _is_left_out(run, step):
            continue
        now, then = _find_parameter_values(run, step, before), _find_parameter_values(before, old, run)
        for name in dict.fromkeys((*now, *then)):
            if name not in RESERVED and now.get(name) != then.get(name):
                owner = SHARED if _is_shared(name, run, before) else step.notebook
                change = _describe_change(now.get(name), then.get(name))
                changed.setdefault((owner, name, change), []).append(step.name)
    for (owner, name, change), steps in changed.items():
        several = owner if owner == SHARED else owner.partition("_")[2]
        yield f"{several if owner == SHARED or len(steps) > 1 else steps[0]}.{name} {change}"


def _is_left_out(run: RunRecord, step: StepRecord) -> bool:
    return run.settings.only not in ("", step.name) and step.state != "reused"


def _is_shared(name: str, *runs: RunRecord) -> bool:
    return any(run.settings.parameters is not None and name in run.settings.parameters.shared for run in runs)


def _find_parameter_values(run: RunRecord, step: StepRecord, other: RunRecord) -> Mapping[str, Any]:
    # If a parameter is empty, the notebook itself can choose a value, which it stores as a result with the same name.
    defaults = run.settings.defaults.get(step.name) or other.settings.defaults.get(step.name, {})
    given = run.settings.parameters.values.get(step.name, {}) if run.settings.parameters else {}
    if step.state == "reused":  # the run that produced the results can have had other values, as in a sweep
        given = {**given, **step.parameters}
    return {name: value or step.results.get(name, value) for name, value in {**defaults, **given}.items()}


def _describe_change(now: object, before: object) -> str:
    shown = [_show(now), _show(before)]
    parts = [PurePosixPath(str(value)).parts for value in (now, before)]
    count = 1
    while shown[0] == shown[1] and count < max(map(len, parts)):
        count += 1
        shown = ["/".join(found[-count:]) for found in parts]
    if shown[0] == shown[1]:
        shown = [str(now), str(before)]
    return f"{shown[0]} (before: {shown[1]})"


def _show(value: object) -> str:
    if value is None or value == "":
        return UNKNOWN
    text = value if isinstance(value, str) else json.dumps(value)
    if len(text) <= LONGEST:
        return text
    if "/" not in text:
        return f"{text[: LONGEST - 1]}…"
    name = PurePosixPath(text).name
    return name if len(name) <= LONGEST else f"…{name[1 - LONGEST :]}"
