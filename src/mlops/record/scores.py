"""The metrics of a run, under the names that the run's problem declares."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from mlops.pipelines import ALL_STEPS
from mlops.pipelines.step import Step
from mlops.problem.declaration import Declaration
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.summary import OVERRULED, find_override


@dataclass(frozen=True)
class Scores:
    """A description of a model, such as "challenger" or "champion (churn version 3)", and its metrics by name."""

    model: str
    metrics: Mapping[str, float]


def read_declared(results: Mapping[str, object], steps: Iterable[Step] = ALL_STEPS) -> Declaration | None:
    """Return the declaration of the problem from the results of a run, or None if they do not contain it."""
    for name in dict.fromkeys(step.declares for step in steps if step.declares in results):
        try:
            return msgspec.convert(results[name], Declaration)
        except msgspec.ValidationError:  # a notebook of the user can have a different result with this name
            continue
    return None


def list_metrics(step: StepRecord, steps: Iterable[Step] = ALL_STEPS) -> list[str]:
    """Return the names of the metrics among a step's results, beginning with the main metric."""
    # Older runs did not record which results are metrics. For such a run, all numbers that the step measured count as
    # metrics.
    declared = next((found for found in steps if found.name == step.name), None)
    if declared is None or not declared.declares:
        return []
    if problem := read_declared(step.results, [declared]):
        return [metric.name for metric in problem.metrics]
    compared = step.results.get(declared.compares.metrics) if declared.compares else None
    if isinstance(compared, Mapping) and compared:
        return list(compared)
    if not declared.trains:
        return []
    scored = declared.scored_by or None
    return [
        name
        for name, value in step.results.items()
        if isinstance(value, float) and name not in step.parameters and not (scored and name.startswith(scored))
    ]


def find_metrics(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> dict[str, float]:
    """Return the metrics of the run's model, by name."""
    steps = tuple(steps)
    names = next((found for step in reversed(run.steps) if (found := list_metrics(step, steps))), [])
    values = {name: run.result(name) for name in names}
    return {name: value for name, value in values.items() if isinstance(value, float)}


def find_unit(metric: str, results: Mapping[str, object], steps: Iterable[Step] = ALL_STEPS) -> str:
    """Return the unit of a metric; "" if it has no unit, or is not the main metric of the problem."""
    problem = read_declared(results, steps) or Declaration()
    return next((found.unit for found in problem.metrics[:1] if found.name == metric), "")


def find_units(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> dict[str, str]:
    """Return the unit of each metric of a run, by the name of the metric. Metrics without a known unit are left out."""
    steps = tuple(steps)
    results = _merge_results(run)
    return {name: unit for name in find_metrics(run, steps) if (unit := find_unit(name, results, steps))}


def _merge_results(run: RunRecord) -> dict[str, object]:
    return {name: value for step in run.steps for name, value in step.results.items()}


def _name_model(run: RunRecord) -> str:
    return str(run.settings.parameters.shared.get("model_name", "")) if run.settings.parameters else ""


def list_scores(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> list[Scores]:
    """Return the metrics of the run's model and, if it was compared with the champion, those of the champion.

    Returns
    -------
    list of Scores
        Two entries if the run compared two models; one entry if it only trained a model; otherwise none.
    """
    steps = tuple(steps)
    metrics = find_metrics(run, steps)
    if not metrics:
        return []
    compared = next((step for step in steps if step.compares and run.has_results(step.name)), None)
    if compared is None:
        return [Scores("new model", metrics)]
    mark = f" ({OVERRULED})" if find_override(run, [compared]) else ""
    champion, version, override = (run.get_step(compared.name).results.get(name) for name in compared.compares)
    rank = "previous champion" if _has_promoted(run, steps) else "champion"
    if not champion:
        return [Scores(f"challenger{mark}", metrics)]
    known = {name: champion[name] for name in metrics if isinstance(champion.get(name), float)}
    named = f"{_name_model(run)} version {version}".strip() + (f", {OVERRULED}" if override else "")
    return [Scores(f"challenger{mark}", metrics), Scores(f"{rank} ({named})", known)]


def _has_promoted(run: RunRecord, steps: Iterable[Step]) -> bool:
    return any(step.promotes and run.has_results(step.name) for step in steps)
