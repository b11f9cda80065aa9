"""The trainings that a platform has recorded, read without its tracker."""

from typing import Any

from mlops.backends.azure.models import tracking as azure
from mlops.backends.local.store.mlflow_store import EXPERIMENT
from mlops.backends.local.tracking import PARENT, SWEEP
from mlops.platform.backend import Backend


def list_trainings(backend: Backend, sweep: str = "") -> list[str]:
    """Return the ids of all trainings, or of the trainings of a sweep, oldest first."""
    tracker = getattr(backend.tracker, "_tracker", backend.tracker)  # the platform's own tracker, without the redaction
    return {"local": _list_local, "azure": _list_azure, "memory": _list_memory}[backend.name](tracker, sweep)


def _list_local(tracker: Any, sweep: str) -> list[str]:
    client = tracker._store.client
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    runs = client.search_runs([experiment], order_by=["attributes.start_time ASC"])
    trainings = [run for run in runs if SWEEP not in run.data.tags]
    return [run.info.run_id for run in trainings if sweep in ("", run.data.tags.get(PARENT))]


def _list_azure(tracker: Any, sweep: str) -> list[str]:
    from azureml.core import Run

    wanted = {"tags": {azure.KIND: azure.TRAINING}, "status": azure.COMPLETED}
    if sweep:
        found = tracker._find_run(sweep).get_children(**wanted)
    else:
        found = Run.list(tracker._experiment, include_children=True, **wanted)
    return [run.id for run in reversed(list(found))]  # Azure lists the newest first


def _list_memory(tracker: Any, sweep: str) -> list[str]:
    return [run_id for run_id, known in tracker.trainings.items() if sweep in ("", known.sweep)]
