"""The engine that executes the notebooks of a pipeline, in parallel if possible, and records their results.

.. code-block:: text

    plan                the plan of a run, and its surroundings: project, listeners and platform functions
    run                 a run in progress
    new_record          creates the record of a new run
    conditions          decides whether a step must wait for other steps, and whether it must be skipped
    outcome             determines the outcome of a finished run
    restoring           restores the previous service of an environment if a new service did not pass its test
    requirements        the notebooks, files and folders that must exist before anything runs
    single_step         runs a single step of a run, if each step has its own process or machine
    telemetry_listener  sends finished runs to the platform's monitoring
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mlops.errors import UsageError
from mlops.pipelines.step import Step
from mlops.record.ledger import RunRecord, StepRecord, make_run_folder
from mlops.record.listener import Listener
from mlops.record.processes import own_process
from mlops.record.reuse import find_only, has_completed, has_copy, list_overtaken
from mlops.record.run_lock import share_runs
from mlops.runner.new_record import begin_record
from mlops.runner.plan import Plan, Serving, Surroundings
from mlops.runner.requirements import require_new, require_runnable
from mlops.runner.run import Run
from mlops.runner.single_step import run_step, run_submitted, skip_submitted

__all__ = [
    "Listener",
    "Plan",
    "Serving",
    "Surroundings",
    "resume_pipeline",
    "run_pipeline",
    "run_step",
    "run_submitted",
    "skip_submitted",
]


def run_pipeline(plan: Plan, surroundings: Surroundings, run_id: str = "") -> RunRecord:
    """Run a pipeline, and reuse the results of unchanged steps from earlier runs.

    Parameters
    ----------
    plan : Plan
        The steps and the settings of the run.
    surroundings : Surroundings
        The project, the objects that follow the run, and functions of the platform.
    run_id : str
        A name for the run that no other run has. Empty to generate a name.

    Returns
    -------
    RunRecord
        The record of the finished run. If a step fails, no error is raised, but the record contains the failure.

    Raises
    ------
    UsageError
        If the plan cannot be run. In this case, nothing has been written.
    OSError
        If the run's record cannot be written.
    """
    if run_id:
        require_new(run_id, surroundings.workspace.outputs)
    outputs = surroundings.workspace.outputs
    with share_runs(outputs):
        reused: Sequence[StepRecord] = ()
        if plan.only:
            options = surroundings.project.name_platform_option(plan.parameters.platform)
            reused = find_only(
                plan.only,
                plan.pipeline,
                plan.steps,
                outputs,
                plan.source,
                surroundings.find_deployed,
                options,
                surroundings.project.base.problem,
            )
            plan = replace(plan, repeats=has_completed(plan.only, reused, outputs))
        asked = [step for step in plan.steps if plan.only in ("", step.name)]
        require_runnable(asked, plan.parameters.values, surroundings.workspace)
        record = begin_record(plan, surroundings, run_id or make_run_folder(outputs, plan.pipeline).name)
        return Run(plan, surroundings, record).run(reused)


def resume_pipeline(record: RunRecord, steps: Sequence[Step], surroundings: Surroundings, jobs: int = 0) -> RunRecord:
    """Resume a run that did not finish, with the same parameters, and return its record.

    Parameters
    ----------
    record : RunRecord
        The record of the run.
    steps : sequence of Step
        The steps of the run's pipeline.
    surroundings : Surroundings
        The project, the objects that follow the run, and functions of the platform.
    jobs : int
        How many steps can run in parallel; 0 for one step per core.

    Raises
    ------
    UsageError
        If the run is in progress, if it has succeeded, if it was started by a newer version of mlops, or if it needs
        results that are missing.
    """
    if record.state == "newer":
        raise UsageError(f"Run {record.run_id} cannot be resumed here: its record was {record.error}.")
    ended = "succeeded" if record.state == "succeeded" else f"is {record.state}"
    options = surroundings.project.name_platform_option(record.platform)
    nothing = f"Run {record.run_id} {ended}, so there is nothing to resume. Start a new run."
    if record.state == "unreadable":
        raise UsageError(nothing)
    if record.settings.parameters is None:
        raise UsageError(f"Run {record.run_id} is a {record.pipeline}, which cannot be resumed. Start it again.")
    if record.state == "waiting":
        raise UsageError(
            f"Run {record.run_id} waits for its next step on {record.platform} and continues by itself. "
            f"`mlops runs {record.run_id}{options}` shows its progress."
        )
    if record.state == "succeeded":
        raise UsageError(nothing)
    settings = record.settings
    plan = Plan(record.pipeline, steps, record.settings.parameters, settings.only, settings.force, jobs)
    reset = tuple(StepRecord(step.name, step.notebook, step.environment) for step in steps)
    again = replace(
        record, state="running", process=own_process(), outcome="", finished="", error="", failure=None, steps=reset
    )
    folder = surroundings.workspace.outputs / record.run_id
    undone = _list_undone_deployments(record, steps) | list_overtaken(record, steps)
    for step in steps:
        found = record.step(step.name)
        if not found or not found.has_results:
            continue
        if settings.only and found.state == "reused":
            _require_readable_results(found, record, folder, options)
            again = again.with_step(found)  # with `--only`, the run does not have the results that this step needs
        elif has_copy(found, folder) and step.name not in undone:
            needs = [need for name in step.needs if (need := again.step(name))]
            if all(need.has_results for need in needs):
                again = again.with_step(found)
    undone_steps = [step for step in steps if again.get_step(step.name).state == "pending"]
    require_runnable(undone_steps, plan.parameters.values, surroundings.workspace)
    if settings.only:
        plan = replace(plan, repeats=has_completed(settings.only, again.steps, surroundings.workspace.outputs))
    return Run(plan, surroundings, again).run()


def _require_readable_results(step: StepRecord, record: RunRecord, folder: Path, options: str) -> None:
    if not has_copy(step, folder):
        raise UsageError(
            f"--only {record.settings.only} needs the results of {step.name}, but its notebook in run {record.run_id} "
            "is missing or damaged. Start a new run with "
            f"`mlops run {record.pipeline} --only {record.settings.only}{options}`."
        )


def _list_undone_deployments(record: RunRecord, steps: Sequence[Step]) -> set[str]:
    cut_off = {
        (name, step.restores)
        for step in steps
        if step.restores and (found := record.step(step.name)) and found.started and not found.has_results
        for name in step.needs
    }
    return {step.name for step in steps if (step.name, step.environment) in cut_off}
