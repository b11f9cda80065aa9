"""What a run says about the model and the data, under the names that its steps declare."""

from collections.abc import Iterable, Mapping

from mlops.pipelines import ALL_STEPS, Step
from mlops.record.ledger import RunRecord


def find_reason(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> str:
    """Return why the run promoted or rejected its model; "" if it has not decided. See `Step.explains`."""
    found = _find_result(run, {step.name: step.explains for step in steps})
    return "" if found is None else str(found)


def find_model_version(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> object:
    """Return the version of the model that the run registered or deployed, or None. See `Step.names_model`."""
    return _find_result(run, {step.name: step.names_model for step in steps})


def find_dataset(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> str:
    """Return the version of the data set that the run registered: "diabetes version 2"; "" if it registered none."""
    declared = {step.name: step.names_dataset for step in steps if step.names_dataset}
    for step in run.steps:
        if step.has_results and step.name in declared:
            name, version = (step.results[result] for result in declared[step.name])
            return f"{name} version {version}"
    return ""


def list_metrics(steps: Iterable[Step] = ALL_STEPS) -> list[str]:
    """Return the names of the metrics that the steps declare, each once. See `Step.metrics`."""
    return list(dict.fromkeys(name for step in steps for name in step.metrics))


def find_metrics(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> dict[str, float]:
    """Return the metrics of the run's model by name; those that no step handed on as a number are missing."""
    found = {name: run.result(name) for name in list_metrics(steps)}
    return {name: value for name, value in found.items() if isinstance(value, float)}


def _find_result(run: RunRecord, names: Mapping[str, str]) -> object:
    """Return the result of the last step that has one of its declared name."""
    for step in reversed(run.steps):
        name = names.get(step.name)
        if name and name in step.results:
            return step.results[name]
    return None
