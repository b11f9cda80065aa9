"""The execution of one step of a submitted run, on the machine that the platform started for the step."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlops.errors import UsageError
from mlops.operations.data import DataRegistrar
from mlops.operations.opening import OpenProject, check_steps
from mlops.operations.surroundings import surround_run
from mlops.pipelines import PIPELINES, find_data_step
from mlops.platform.backend import Backend
from mlops.platform.datasets import NEW_DATA, Arrival, DatasetVersion
from mlops.platform.jobs import Job
from mlops.platform.secret_variables import redact_error
from mlops.platform.submission import Build, Submission, list_overrides, list_tags
from mlops.record.conclusion import Conclusion
from mlops.record.ledger import RunRecord
from mlops.runner import Listener, Plan, run_submitted, skip_submitted


@dataclass(frozen=True)
class SubmittedStep:
    """One step of a submitted run, for which the platform started this process."""

    pipeline: str
    step: str
    submission: Submission
    build: Build = Build()


def run_submitted_step(opened: OpenProject, asked: SubmittedStep, listeners: Sequence[Listener] = ()) -> RunRecord:
    """Run one step of a submitted run, and return the record of the run.

    Parameters
    ----------
    opened : OpenProject
        The project on the platform of the run.
    asked : SubmittedStep
        The step to run.
    listeners : sequence of Listener
        Notified of the progress.

    Raises
    ------
    UsageError
        If the platform did not start this process for a submitted run.
    """
    job = opened.backend.jobs.find_job() if opened.backend.jobs else None
    if job is None:
        raise UsageError(
            f"Only the platform ({opened.backend.name}) can start `mlops run-step`. To run one step here, "
            f"use `mlops run {asked.pipeline} --only {asked.step}{opened.command_options}`."
        )
    job.tag(list_tags(asked.submission, asked.build))
    try:
        return _run(opened, asked, job, listeners)
    except Exception as error:  # any error, because the page of the submitted run must show it
        job.conclude(Conclusion("error", redact_error(f"{asked.step}: {error}")))
        raise


def _run(opened: OpenProject, asked: SubmittedStep, job: Job, listeners: Sequence[Listener]) -> RunRecord:
    steps, backend, submission = PIPELINES[asked.pipeline], opened.backend, asked.submission
    check_steps(opened, (step for step in steps if step.name == asked.step))
    data_step = find_data_step(steps)
    looks_up = data_step is not None and asked.step == data_step.name and not submission.data_file_path
    found = _find_data(backend, submission.dataset_version, job) if looks_up else Arrival("", submission.data_file_path)
    opened = opened.override(*list_overrides(submission, asked.build, found.url, steps))

    def tag_version(version: DatasetVersion) -> None:
        job.tag({"dataset": f"{version.name}:{version.version}"})

    new = found.url if looks_up and submission.dataset_version == NEW_DATA else ""
    registrar = DataRegistrar(backend.datasets, new, tag_version)
    around = surround_run(opened, listeners, registrar, is_job=True)
    plan = Plan(asked.pipeline, steps, opened.parameters, at=asked.step)
    if found.taken_by:
        return skip_submitted(plan, around, job, f"Run {found.taken_by} already claimed the new data {found.name}.")
    record = run_submitted(plan, around, job)
    if tested := record.step(asked.step):
        # Do this even if an earlier attempt finished the step. The attempt may have been killed before this point.
        registrar.step_ended(record, tested)
    return record


def _find_data(backend: Backend, version: str, job: Job) -> Arrival:
    if version == NEW_DATA:
        return backend.require(backend.arrivals, "watching a folder for new data").fetch_newest(job.run_id)
    return Arrival("", backend.datasets.get_version(version).url)
