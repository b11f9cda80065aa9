"""The deletion of what is old and no longer needed: runs, images, service folders, and files of warm kernels."""

import math
import time
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from mlops.errors import IntegrityError, UsageError
from mlops.kernels.leftovers import delete_leftovers, list_leftovers
from mlops.operations.opening import OpenProject
from mlops.operations.overview import refresh_index
from mlops.pipelines import ALL_STEPS
from mlops.platform.leftovers import Leftover
from mlops.platform.services import Service
from mlops.record.ledger import RunRecord, list_runs
from mlops.record.removal import finish_removals, measure_size, remove_whole
from mlops.record.run_lock import claim_runs

LEFT_ALONE = ("running", "waiting", "unreadable", "newer")  # the states of runs that are in progress or cannot be read


@dataclass(frozen=True)
class Pruning:
    """The old runs, images and files that a call of `prune` deletes.

    `platform_left_alone` is true if nothing on the platform itself is deleted.
    """

    leftovers: tuple[Leftover, ...]
    platform_left_alone: bool


def preview_pruning(opened: OpenProject, before: float) -> Pruning:
    """Return the state that `prune` would delete, without deleting it.

    Parameters
    ----------
    opened : OpenProject
        The project on its platform.
    before : float
        A time in seconds since 1970. State that was used after this time is kept.

    Raises
    ------
    IntegrityError
        If a record is damaged, so that it is unknown what the champion or a service uses.
    """
    old, needed = _find_old_runs_and_needed(opened, before)
    own = opened.backend.leftovers.find(before, needed) if opened.backend.leftovers else []
    return _conclude(opened, old, own, list_leftovers(before))


def prune(opened: OpenProject, before: float) -> Pruning:
    """Delete old state that is no longer needed, and return what was deleted.

    If the process is killed, call the function again to delete the rest.

    Raises
    ------
    UsageError
        If a run is in progress.
    IntegrityError
        If a record is damaged, so that it is unknown what the champion or a service uses.
    """
    outputs = opened.workspace.outputs
    with claim_runs(outputs):
        _require_no_run(outputs)
        old, needed = _find_old_runs_and_needed(opened, before)
        kernels = list_leftovers(before)
        own = opened.backend.leftovers.delete(before, needed) if opened.backend.leftovers else []
        result = _conclude(opened, old, own, kernels)
        for path in (path for run in old for path in run.paths):
            remove_whole(path)
        finish_removals(outputs)
        delete_leftovers(before)
        if old:
            refresh_index(opened)
    return result


def _require_no_run(outputs: Path) -> None:
    # Older versions of `mlops` do not hold the lock during a run. Only the records show their runs.
    running = next((run for run in list_runs(outputs) if run.state == "running"), None)
    if running:
        raise UsageError(f"Run {running.run_id} is in progress. Wait until it ends, then try again.")


def _find_old_runs_and_needed(opened: OpenProject, before: float) -> tuple[list[Leftover], set[str]]:
    services = _list_services(opened)
    runs = list_runs(opened.workspace.outputs)
    needed = _list_references(opened, services) | {_find_run_that_deployed(service, runs) for service in services}
    platform = opened.backend.name
    ends = _find_end_times(runs, time.time())
    old = {
        run.run_id: run
        for run in runs
        if ends[run.run_id] < before and _may_go(run, platform) and not _is_run_or_model_needed(run, opened, needed)
    }
    kept = [run for run in runs if run.run_id not in old]
    sources = [step.source for run in kept for step in run.steps]
    while sources:  # the report of a reused step is in the folder of the run that wrote the report
        found = old.pop(sources.pop(), None)
        if found:
            kept.append(found)
            sources += [step.source for step in found.steps]
    texts = (text for run in kept for text in _list_texts(msgspec.to_builtins((run.steps, run.settings))))
    outputs = opened.workspace.outputs
    leftovers = [_describe("run", run_id, ends[run_id], outputs / run_id) for run_id in old]
    return leftovers, needed | set(texts)


def _list_services(opened: OpenProject) -> Sequence[Service]:
    services = opened.backend.services.list_services()
    problem = next((service.problem for service in services if service.problem), "")
    if problem:
        raise IntegrityError(
            f"{problem} Nothing was deleted, because it is unknown which runs and images that environment needs."
        )
    return services


def _find_run_that_deployed(service: Service, runs: Iterable[RunRecord]) -> str:
    declared = {step.name: step.deploys.digest for step in ALL_STEPS if step.deploys.digest}
    for run in runs:
        for step in run.steps:
            deployed = step.results.get(declared.get(step.name, ""))
            if step.environment == service.environment and step.state == "done" and deployed == service.digest:
                return run.run_id
    return ""


def _list_references(opened: OpenProject, services: Sequence[Service]) -> set[str]:
    backend = opened.backend
    champion = backend.registry.find_champion(opened.model_name)
    found = {text for service in services for text in (service.image, service.digest, service.decision.run_id)}
    found |= {old.decision.run_id for old in backend.services.list_rollbacks() if not old.lifted}
    if champion:
        found |= {f"{champion.name}:{champion.version}", *champion.tags.values()}
    return found | (backend.leftovers.list_references() if backend.leftovers else set())


def _may_go(run: RunRecord, platform: str) -> bool:
    return run.state not in LEFT_ALONE and run.platform == platform


def _find_end_times(runs: Iterable[RunRecord], now: float) -> dict[str, float]:
    ends, following = dict[str, float](), math.inf
    for run in runs:
        try:
            start, end = (
                datetime.fromisoformat(text).timestamp() for text in (run.started, run.finished or run.started)
            )
        except ValueError:
            start, end = now, math.inf
        # The counter of runs is also a time, which is later than the recorded end if the clock was behind.
        place = run.order / 1e6
        if end > now:  # the clock was ahead when the run was started or resumed
            ends[run.run_id] = following if start > now else math.inf
        else:
            ends[run.run_id] = following = max(end, place) if place <= now else end
    return ends


def _is_run_or_model_needed(run: RunRecord, opened: OpenProject, needed: Set[str]) -> bool:
    makers = {step.name: step.names_model for step in ALL_STEPS if step.names_model and not step.environment}
    made = {
        ":".join(str(step.results.get(result)) for result in makers[step.name])
        for step in run.steps
        if step.state == "done" and step.name in makers
    }
    return bool({run.run_id, str(opened.workspace.outputs / run.run_id), *made} & needed)


def _list_texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inside in value.values():
            yield from _list_texts(inside)
    elif isinstance(value, list | tuple):
        for inside in value:
            yield from _list_texts(inside)


def _conclude(
    opened: OpenProject, runs: Iterable[Leftover], own: Iterable[Leftover], kernels: Sequence[tuple[Path, ...]]
) -> Pruning:
    ends = [max((path.lstat().st_mtime for path in files), default=0.0) for files in kernels]
    parents = [_describe("warm kernels", files[0].stem, end, *files) for end, files in zip(ends, kernels, strict=True)]
    return Pruning((*runs, *own, *parents), opened.backend.leftovers is None)


def _describe(kind: str, name: str, last_used: float, *paths: Path) -> Leftover:
    return Leftover(kind, name, last_used, sum(map(measure_size, paths)), paths)
