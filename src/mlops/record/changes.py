"""The parameters of a run that differ from those of the run before it."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from mlops.record.ledger import RunRecord

Values = Mapping[str, Mapping[str, Any]]
LONGEST = 40  # characters; a longer path is shortened to its last part


def list_changes(run: RunRecord, older: Iterable[RunRecord]) -> list[str]:
    """Return the parameters that had another value in the previous run of the same pipeline.

    Parameters
    ----------
    run : RunRecord
        A run.
    older : iterable of RunRecord
        The runs before it, newest first.

    Returns
    -------
    list of str
        "train.alpha 0.1 (before: 0.4)"; empty if nothing differs, or there is no run to compare with.
    """
    given = run.settings.parameters
    if given is None:
        return []
    same = (found.settings.parameters for found in older if found.pipeline == run.pipeline)
    before = next((parameters for parameters in same if parameters), None)
    if before is None:
        return []
    return list(dict.fromkeys(_compare(given.values, before.values)))


def measure_duration(run: RunRecord) -> str:
    """Return the duration of a run as people write it: "41 s", "3 min 5 s"; "" if it has not ended."""
    try:
        taken = datetime.fromisoformat(run.finished) - datetime.fromisoformat(run.started)
    except ValueError:
        return ""
    minutes, seconds = divmod(round(taken.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _compare(given: Values, before: Values) -> Iterator[str]:
    for step, values in given.items():
        old = before.get(step, {})
        for name in dict.fromkeys((*values, *old)):
            if values.get(name) != old.get(name):
                yield f"{step}.{name} {_show(values.get(name))} (before: {_show(old.get(name))})"


def _show(value: object) -> str:
    if value is None or value == "":
        return "default"
    text = str(value)
    return text if len(text) <= LONGEST else PurePosixPath(text).name[-LONGEST:]
