"""The execution of a single step, for runs in which each step has its own process or machine."""

from dataclasses import replace

from mlops.errors import UsageError
from mlops.platform.jobs import Job
from mlops.record.clock import now
from mlops.record.conclusion import conclude_run
from mlops.record.ledger import RunRecord, StepRecord, read_run, write_run
from mlops.record.processes import own_process
from mlops.record.reuse import has_copy
from mlops.runner.new_record import begin_record
from mlops.runner.plan import Plan, Surroundings
from mlops.runner.requirements import require_runnable
from mlops.runner.run import Run


def run_submitted(plan: Plan, surroundings: Surroundings, job: Job) -> RunRecord:
    """Fetch the folder of a run from the platform, run the step `plan.at`, and store the folder on the platform.

    The folder is stored even if the step failed or was interrupted.

    Returns
    -------
    RunRecord
        The record of the run. Its state is "waiting" if more steps follow.

    Raises
    ------
    UsageError
        If the pipeline has no step `plan.at`, or if a step that `plan.at` needs has no results.
    PlatformError
        If the folder cannot be fetched or stored.
    """
    _require_step_and_list_all(plan)
    folder = surroundings.workspace.outputs / job.run_id
    job.fetch_folder(folder)
    try:
        run_step(plan, surroundings, job.run_id)
    finally:
        if (folder / "run.json").is_file():
            job.store_folder(folder)
            _report_to_platform(job, read_run(folder), plan)
    return read_run(folder)


def skip_submitted(plan: Plan, surroundings: Surroundings, job: Job, reason: str) -> RunRecord:
    """Skip all steps of a run for the given reason, record the run as succeeded, and return its record."""
    folder = surroundings.workspace.outputs / job.run_id
    job.fetch_folder(folder)
    if not (folder / "run.json").is_file():
        record = begin_record(plan, surroundings, job.run_id)
        steps = tuple(replace(step, state="skipped", reason=reason) for step in record.steps)
        write_run(
            replace(record, state="succeeded", outcome="done", finished=now(), steps=steps),
            surroundings.workspace.outputs,
        )
        job.store_folder(folder)
    record = read_run(folder)
    _report_to_platform(job, record, plan)
    return record


def run_step(plan: Plan, surroundings: Surroundings, run_id: str) -> RunRecord:
    """Run the step `plan.at` with the results of earlier steps in the folder of the run, and return the record.

    Repeated calls are safe: a finished step is not executed again.

    Raises
    ------
    UsageError
        If the pipeline has no step `plan.at`, or if a step that `plan.at` needs has no results.
    """
    names = _require_step_and_list_all(plan)
    folder = surroundings.workspace.outputs / run_id
    begun = (folder / "run.json").is_file()
    record = read_run(folder) if begun else begin_record(plan, surroundings, run_id)
    found = record.get_step(plan.at)
    if found.state == "skipped" or (found.has_results and has_copy(found, folder)):
        return record
    _require_needed(plan, record)
    asked = [step for step in plan.steps if step.name == plan.at]
    require_runnable(asked, plan.parameters.values, surroundings.workspace)
    again = replace(record, state="running", process=own_process(), outcome="", finished="", error="", failure=None)
    for step in plan.steps[names.index(plan.at) :]:
        again = again.with_step(StepRecord(step.name, step.notebook, step.environment))
    return Run(plan, surroundings, again).run()


def _require_step_and_list_all(plan: Plan) -> list[str]:
    names = [step.name for step in plan.steps]
    if plan.at not in names:
        raise UsageError(f"The pipeline {plan.pipeline} has no step {plan.at!r}. It has: {', '.join(names)}.")
    return names


def _require_needed(plan: Plan, record: RunRecord) -> None:
    step = next(step for step in plan.steps if step.name == plan.at)
    for name in step.needs:
        needed = record.step(name)
        if needed and needed.state in ("pending", "running"):
            raise UsageError(
                f"{plan.at} needs the results of {name}, but the folder of run {record.run_id} does not have them. "
                "Submit the pipeline again."
            )


def _report_to_platform(job: Job, record: RunRecord, plan: Plan) -> None:
    results = record.get_step(plan.at).results
    job.log_metrics(
        {
            key: float(value)
            for key, value in results.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
    )
    job.conclude(conclude_run(record, plan.steps))
