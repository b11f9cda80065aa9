"""The results of a sweep: ``sweep.jsonl``, with one line for the sweep and one for every finished combination."""

# Lines are only appended. A line that a crash left incomplete is ignored. The run's record, `run.json`, holds only
# the state of the sweep and the best combination.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from mlops.errors import RunNotFoundError
from mlops.files.records import decode_record, read_content, require_format
from mlops.numbers import format_number
from mlops.pipelines import PIPELINES
from mlops.record.ledger import Stamp
from mlops.record.scores import find_unit

FILE = "sweep.jsonl"
FORMAT = 1  # the file's format number
AGAIN = "Run the sweep again."


@dataclass(frozen=True)
class Sweep:
    """The description of a sweep.

    Parameters
    ----------
    step, notebook : str
        The name of the step, and the name of its notebook.
    axes : mapping of str to tuple
        The values to try, by parameter.
    metric : str
        The name of the metric by which combinations are compared.
    maximize : bool
        Whether higher values of the metric are better.
    tracking : str
        The id of the sweep on the tracking server; empty if it has none.
    format : int
        The format number of the file.
    """

    step: str
    notebook: str
    axes: Mapping[str, tuple[Any, ...]]
    metric: str
    maximize: bool = False
    tracking: str = ""
    format: int = FORMAT

    def __len__(self) -> int:
        total = 1
        for values in self.axes.values():
            total *= len(values)
        return total


@dataclass(frozen=True)
class Point:
    """One finished combination.

    Parameters
    ----------
    number : int
        The position of the combination in the grid, counted from 1.
    values : mapping
        The values of the combination, by parameter.
    state : str
        The state of the combination: "done" or "failed".
    seconds : float
        The duration of the notebook, in seconds.
    file : str
        The file name of the executed notebook, in the folder of the run.
    score : float or None
        The value of the metric. None if the combination failed or the metric has no value.
    error : str
        The reason for the failure. Empty if the combination did not fail.
    results : mapping
        The results of the notebook, by name.
    """

    number: int
    values: Mapping[str, Any]
    state: Literal["done", "failed"]
    seconds: float
    file: str
    score: float | None = None
    error: str = ""
    results: Mapping[str, Any] = field(default_factory=dict)


def begin_sweep(folder: Path, sweep: Sweep) -> None:
    """Write the first line of the file ``sweep.jsonl``, which describes the sweep."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(msgspec.json.encode(sweep) + b"\n")


def add_point(folder: Path, point: Point) -> None:
    """Append the line of a finished combination to the file ``sweep.jsonl``."""
    with open(folder / FILE, "ab") as file:
        file.write(msgspec.json.encode(point) + b"\n")


def read_sweep(folder: Path) -> tuple[Sweep, list[Point]]:
    """Return the sweep in `folder`, and its finished combinations in the order of the grid.

    Raises
    ------
    RunNotFoundError
        If the folder holds no sweep.
    FormatError
        If a newer version of this engine wrote the file.
    IntegrityError
        If the file is damaged.
    """
    path = folder / FILE
    try:
        first, *lines = read_content(path, AGAIN).splitlines(keepends=True) or [b""]
    except (FileNotFoundError, NotADirectoryError):
        raise RunNotFoundError(f"{folder} is not the folder of a sweep, because it has no {FILE}.") from None
    require_format(decode_record(first, Stamp, str(path), AGAIN).format, FORMAT, str(path))
    sweep = decode_record(first, Sweep, str(path), AGAIN)
    points = [decode_record(line, Point, str(path), AGAIN) for line in lines if line.endswith(b"\n")]
    return sweep, sorted(points, key=lambda point: point.number)


def rank_points(sweep: Sweep, points: Sequence[Point]) -> list[Point]:
    """Return the finished combinations, the best first, and those without a value of the metric last."""
    sign = -1 if sweep.maximize else 1

    def place(point: Point) -> tuple[bool, float, int]:
        return point.score is None, 0.0 if point.score is None else sign * point.score, point.number

    return sorted(points, key=place)


def find_best(sweep: Sweep, points: Sequence[Point]) -> Point | None:
    """Return the best of the finished combinations, or None if none has a value of the metric."""
    best = next(iter(rank_points(sweep, points)), None)
    return best if best and best.score is not None else None


def describe_values(values: Mapping[str, Any]) -> str:
    """Format a combination for display: "alpha=0.1, seed=0"."""
    return ", ".join(f"{name}={format_value(value)}" for name, value in values.items())


def describe_best(sweep: Sweep, points: Sequence[Point]) -> str:
    """Return a text that describes the best combination and its lead over the second best."""
    ranked = [point for point in rank_points(sweep, points) if point.score is not None]
    if not ranked:
        return f"none: {explain_no_best(sweep, points)}"
    best, *others = ranked
    unit = find_unit(sweep.metric, best.results)
    said = f"{describe_values(best.values)} with {sweep.metric} {format_number(best.score)}{unit and f' {unit}'}"
    if others:
        said += f", {_compare(best, others[0])}"
    edges = [name for name, values in sweep.axes.items() if _is_edge(best.values[name], values)]
    if edges:
        said += f". It is at the edge of the values of {' and '.join(edges)}, so a value beyond it may be better."
    return said


def explain_no_best(sweep: Sweep, points: Sequence[Point]) -> str:
    """Return why no combination is the best one: the combinations failed, or the metric is None."""
    finished = sum(bool(point.results) for point in points)
    if not finished:
        return "every combination failed"
    if finished == len(points):
        return f"{sweep.metric} is None for every combination"
    return f"every combination failed, or its {sweep.metric} is None"


def count_failed(points: Sequence[Point]) -> int:
    """Return how many combinations failed."""
    return sum(point.state == "failed" for point in points)


def name_next(sweep: Sweep, run_id: str, program: str = "mlops", options: str = "") -> str:
    """Return the command that runs the next step with the best combination, or "" if no step needs the swept step.

    `options` selects the platform: " --platform azure", or empty.
    """
    following = ((name, step) for name, steps in PIPELINES.items() for step in steps if sweep.step in step.needs)
    pipeline, step = next(following, ("", None))
    return f"{program} run {pipeline} --only {step.name} --from {run_id}{options}" if step else ""


def _compare(best: Point, other: Point) -> str:
    assert best.score is not None
    assert other.score is not None
    if best.score == other.score:
        return f"as good as {describe_values(other.values)}"
    gain = abs(other.score - best.score)
    share = f"{format_number(100 * gain / abs(other.score))}%" if other.score else format_number(gain)
    way = "lower" if best.score < other.score else "higher"
    return f"{share} {way} than the next, {describe_values(other.values)}"


def _is_edge(value: Any, values: Sequence[Any]) -> bool:
    """Return whether a value is the lowest or highest of three or more listed floats. 0 does not count as an edge."""
    decimal = all(isinstance(other, float) for other in values)
    return decimal and len(values) > 2 and value != 0 and value in (min(values), max(values))


def format_value(value: Any) -> str:
    """Format the value of a parameter as a user would type it."""
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
