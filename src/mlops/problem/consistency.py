"""The check that the declaration of a problem does not contradict itself."""

import inspect
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from mlops.errors import ProblemError
from mlops.problem.column import Column
from mlops.problem.fields import is_number, require_flag, require_text, require_tuple
from mlops.problem.metric import TARGETS, Metric
from mlops.problem.plots import check_plots

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar

    from mlops.problem.plots import OwnPlot

NAME = re.compile(r"[a-z][a-z0-9-]{1,19}[a-z0-9]")  # Azure allows 32 characters, including the suffix of a service
FIELDS: dict[str, type] = {  # the attributes that must be tuples, with the types of their values
    "columns": Column,
    "metrics": Metric,
    "segments": str,
    "plots": object,
    "examples": Mapping,
    "trusted_types": str,
    "image_files": str,
}
SEGMENTED_KINDS, SEGMENTED_ROLES = ("category", "boolean", "number"), ("feature", "ignored")


class Declared(Protocol):
    """The attributes of a problem that are checked; see `mlops.problem.Problem`."""

    name: "ClassVar[str]"
    columns: "ClassVar[tuple[Column, ...]]"
    metrics: "ClassVar[tuple[Metric, ...]]"
    gate: "ClassVar[str]"
    smallest_gain: "ClassVar[float | None]"
    smallest_relative_gain: "ClassVar[float]"
    segments: "ClassVar[tuple[str, ...]]"
    reject_worse_segments: "ClassVar[bool]"
    plots: "ClassVar[tuple[str | OwnPlot, ...]]"
    examples: "ClassVar[tuple[Mapping[str, object], ...]]"

    @property
    def features(self) -> tuple[str, ...]: ...
    @property
    def target(self) -> Column: ...
    @property
    def decisive(self) -> Metric: ...
    @property
    def hyperparameters(self) -> tuple[str, ...]: ...
    @property
    def train(self) -> "Callable[..., object]": ...


def check_problem(problem: Declared) -> None:
    """Check the name, columns, hyperparameters, metrics, segments, plots and examples of a problem.

    Raises
    ------
    ProblemError
        If the declaration contradicts itself.
    """
    if not (isinstance(problem.name, str) and NAME.fullmatch(problem.name)):
        raise ProblemError(
            f"{type(problem).__name__}.name is {problem.name!r}. Use 3 to 21 lower-case letters, digits and hyphens, "
            "beginning with a letter, because the names of services on Azure derive from it."
        )
    require_text(problem, "gate", problem.gate)
    for field, wanted in FIELDS.items():
        require_tuple(problem, field, getattr(problem, field), wanted)
    _check_columns(problem)
    _check_training(problem)
    _check_metrics(problem)
    _check_gain(problem)
    _check_segments(problem)
    check_plots(str(problem), problem.plots, problem.target.kind)
    for place, example in enumerate(problem.examples):
        if set(example) != set(problem.features):
            names = ", ".join(problem.features)
            raise ProblemError(f"{problem}: examples[{place}] must have exactly the features: {names}.")


def _check_columns(problem: Declared) -> None:
    (most, count), *_ = Counter(column.name for column in problem.columns).most_common(1) or [("", 0)]
    if count > 1:
        raise ProblemError(f"{problem} declares the column {most!r} more than once. Remove one of them.")
    targets = [column for column in problem.columns if column.role == "target"]
    if len(targets) != 1:
        named = ", ".join(column.name for column in targets) or "none"
        raise ProblemError(f'{problem} needs exactly one column with the role "target", but has {named}.')
    ids = [column.name for column in problem.columns if column.role == "id"]
    if len(ids) > 1:
        raise ProblemError(
            f'{problem} has more than one column with the role "id": {", ".join(ids)}. Keep one, and give the others '
            'the role "feature" or "ignored".'
        )
    if not problem.features:
        raise ProblemError(f'{problem} has no features. Declare at least one column with the role "feature".')
    if targets[0].kind == "category" and len(targets[0].allowed) < 2:
        raise ProblemError(f"{targets[0]} is a category and the target, so it must list its classes: allowed=(...).")
    if targets[0].kind not in TARGETS:
        raise ProblemError(f"{targets[0]} has the kind {targets[0].kind!r}, which cannot be a target.")


def _check_training(problem: Declared) -> None:
    others = [*inspect.signature(problem.train).parameters.values()][1:]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    name = next((other.name for other in others if other.kind in positional), "")
    if name:
        raise ProblemError(
            f"{problem}: train takes {name!r} by position, but hyperparameters must be keyword-only. Put `*` before "
            f"it: def train(self, rows, *, {name})."
        )


def _check_metrics(problem: Declared) -> None:
    names = [metric.name for metric in problem.metrics]
    if not names:
        raise ProblemError(f"{problem} has no metrics. Choose one from mlops.problem.metrics.")
    if len({*names}) < len(names):
        raise ProblemError(f"{problem} has two metrics with the same name: {', '.join(names)}. Rename one of them.")
    target = problem.target
    unfit = next((metric for metric in problem.metrics if metric.kinds and target.kind not in metric.kinds), None)
    if unfit:
        raise ProblemError(
            f"{problem} has the metric {unfit.name!r}, which fits a target of the kind {' or '.join(unfit.kinds)}. The "
            f"kind of its target is {target.kind}."
        )
    shared = next((name for name in problem.hyperparameters if name in names), None)
    if shared:
        raise ProblemError(f"{problem} has a metric and a hyperparameter with the name {shared!r}. Rename one of them.")
    if problem.gate and problem.gate not in names:
        raise ProblemError(f"{problem}: gate is {problem.gate!r}, which is not one of its metrics: {', '.join(names)}.")


def _check_gain(problem: Declared) -> None:
    metric, gain = problem.decisive, problem.smallest_gain
    if gain is None and metric.signed:
        raise ProblemError(
            f"{problem} decides on promotions by the metric {metric.name!r}, which can be zero or negative, so the "
            "smallest gain cannot be a share of it. Declare the improvement that is worth a release: smallest_gain = "
            "0.01."
        )
    gains = {"smallest_gain": 0.0 if gain is None else gain, "smallest_relative_gain": problem.smallest_relative_gain}
    for name, value in gains.items():
        if not (is_number(value) and 0 <= value < math.inf):
            raise ProblemError(f"{problem}: {name} is {value!r}. Give a number that is 0 or more.")


def _check_segments(problem: Declared) -> None:
    columns = {column.name: column for column in problem.columns if column.role in SEGMENTED_ROLES}
    fit = [name for name, column in columns.items() if column.kind in SEGMENTED_KINDS]
    for place, name in enumerate(problem.segments):
        if name not in fit:
            raise ProblemError(
                f"{problem}: segments[{place}] is {name!r}. It must be a category, a boolean or a number with "
                f'the role "feature" or "ignored": {", ".join(fit) or "the problem has no such column"}.'
            )
    require_flag(problem, "reject_worse_segments", problem.reject_worse_segments)
    if problem.reject_worse_segments and not problem.segments:
        raise ProblemError(
            f"{problem}: reject_worse_segments is True, but there are no segments. Name the columns: "
            f'segments = ("{fit[0] if fit else "NAME"}",).'
        )
