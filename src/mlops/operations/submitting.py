"""Submitted runs of the published pipeline, and the list of all runs of a platform."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from mlops.errors import NotFoundError, PlatformError, RunNotFoundError, UsageError
from mlops.operations.data import require_columns
from mlops.operations.model_file import write_model_file
from mlops.operations.opening import OpenProject, check_steps
from mlops.operations.preconditions import require_comparable_champion
from mlops.operations.rolling_back import list_rollback_runs
from mlops.parameters.lookup import SHARED
from mlops.parameters.overrides import Override
from mlops.pipelines import PIPELINES, PUBLISHED, find_data_step
from mlops.pipelines.advice import OVERRULE
from mlops.platform.backend import Backend
from mlops.platform.datasets import NEW_DATA
from mlops.platform.pipelines import Pipelines, PublishedPipeline, SubmittedRun, describe_record
from mlops.platform.submission import Build, Submission
from mlops.record.ledger import RunRecord, iterate_runs, make_run_id, read_run

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between two polls of a run
MOST_MISSED = 20  # failed polls in a row before giving up
NOT_STARTED = "not yet"  # a text that sorts after every start time
ENDED = ("succeeded", "failed", "canceled")


class SubmissionListener:
    """A listener that follows a submitted run. Its methods do nothing; override the ones that you need."""

    def run_changed(self, run: SubmittedRun) -> None:
        """Handle a change of the state of the run or of one of its steps."""

    def look_failed(self, error: PlatformError) -> None:
        """Handle a failure to read the state of the run. The state is read again later."""


def require_pipelines(backend: Backend) -> Pipelines:
    """Return the platform's pipelines.

    Raises
    ------
    UsageError
        If the platform has no pipelines.
    """
    return backend.require(backend.pipelines, "published pipelines")


def publish_pipeline(opened: OpenProject, build: Build) -> PublishedPipeline:
    """Publish the retraining pipeline of this checkout, and return it.

    Raises
    ------
    ProblemError
        If the champion, a notebook or a file of the image does not fit the problem.
    """
    pipelines = require_pipelines(opened.backend)
    check_steps(opened, PIPELINES[PUBLISHED])
    _require_comparable_champion(opened, "set `shared.model_name` in parameters/base.yml")
    return pipelines.publish(build.build_id or make_run_id("build"), build.build_uri)


def submit_pipeline(opened: OpenProject, submission: Submission) -> SubmittedRun:
    """Start a run of the published pipeline, and return it without waiting for its end.

    Raises
    ------
    ParameterError
        If a parameter is wrong.
    NotFoundError
        If no pipeline has been published.
    ProblemError
        If the champion, the version of the data set, a notebook or a file of the image does not fit the problem.
    """
    pipelines = require_pipelines(opened.backend)
    check_steps(opened, PIPELINES[PUBLISHED])
    if submission.model_name:
        opened = opened.override(Override(SHARED, "model_name", submission.model_name, "-p model_name"))
    _require_comparable_champion(opened, "add `-p model_name=NAME`")
    _require_data_fits(opened, submission)
    return pipelines.submit(submission)


def _require_comparable_champion(opened: OpenProject, keep: str) -> None:
    replacing = f"`mlops run {PUBLISHED} {OVERRULE}{opened.command_options}`"
    kept = f"To keep the champion and register the new model under another name, {keep}."
    advice = f"To replace it without a comparison, use {replacing}. {kept}"
    require_comparable_champion(opened, PIPELINES[PUBLISHED], advice)


def _require_data_fits(opened: OpenProject, submission: Submission) -> None:
    step = find_data_step(PIPELINES[PUBLISHED])
    if step is None or submission.data_file_path or submission.dataset_version == NEW_DATA:
        return
    with suppress(NotFoundError):  # if the version is missing, the platform reports it
        require_columns(opened, opened.backend.datasets.get_version(submission.dataset_version), step)


def watch_run(
    pipelines: Pipelines, run: SubmittedRun, listener: SubmissionListener, sleep: Callable[[float], None] = time.sleep
) -> SubmittedRun:
    """Wait until a submitted run ends, and return its last state. The state is read at growing intervals.

    Parameters
    ----------
    pipelines : Pipelines
        The platform's pipelines.
    run : SubmittedRun
        The run that was submitted.
    listener : SubmissionListener
        Notified of the progress.
    sleep : callable
        Waits for a number of seconds.

    Raises
    ------
    PlatformError
        If reading the state fails too many times in a row.
    """
    pause, missed = FIRST_PAUSE, 0
    known: object = None
    while True:
        found = (run.state, run.steps)
        if found != known:
            listener.run_changed(run)
            known, pause = found, FIRST_PAUSE
        if run.state in ENDED:
            return run
        sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
        try:
            run, missed = pipelines.get_run(run.run_id), 0
        except PlatformError as error:  # the run continues, and an outage may be short
            missed += 1
            if missed > MOST_MISSED:
                raise
            listener.look_failed(error)


def write_new_model(path: Path, opened: OpenProject, run: SubmittedRun) -> None:
    """Write the file that names the new model of a run or, if the run promoted no model, delete the file."""
    path.unlink(missing_ok=True)
    if run.outcome == "promoted":
        name = run.model_name or opened.model_name
        write_model_file(path, opened.backend.registry.get_version(name, run.model_version))


def download_run(pipelines: Pipelines, run: SubmittedRun, folder: Path) -> Path:
    """Copy a run's notebooks, reports and record to a new folder in `folder`, and return the new folder.

    An index page is written to `folder`.

    Raises
    ------
    NotFoundError
        If the run failed before it stored anything.
    """
    from mlops.portal.index import write_index  # imported here, because the import is slow

    fetched = pipelines.fetch_run(run.run_id, folder / run.run_id)
    write_index(folder, None)
    return fetched


def list_runs(opened: OpenProject, most: int) -> list[SubmittedRun]:
    """Return the newest runs of a platform, newest first. Runs from other machines are listed without steps."""
    found = [*require_pipelines(opened.backend).list_runs(most), *list_rollback_runs(opened)]
    known = {run.run_id for run in found}
    recorded = (record for record in _iterate_records_on_platform(opened) if record.run_id not in known)
    dated = [(run.started or NOT_STARTED, run) for run in found]
    last = NOT_STARTED
    for record in islice(recorded, most):
        last = min(last, record.started or last)  # keep the order of the records, even if the clock was set back
        dated.append((last, _describe(opened, record)))
    dated.sort(key=lambda pair: pair[0], reverse=True)
    return [run for _, run in dated[:most]]


def get_run(opened: OpenProject, run_id: str) -> SubmittedRun:
    """Return the run with this id: a submitted run, a run on this machine, or a rollback.

    Raises
    ------
    RunNotFoundError
        If there is no such run.
    """
    rollback = next((run for run in list_rollback_runs(opened) if run.run_id == run_id), None)
    if rollback:
        return rollback
    try:
        return require_pipelines(opened.backend).get_run(run_id)
    except RunNotFoundError:
        if not _is_recorded(opened, run_id):
            raise
    return _describe(opened, read_run(opened.workspace.outputs / run_id))


def require_submitted(opened: OpenProject, run_id: str) -> None:
    """Raise an error if the run was started on this machine and was not submitted.

    Only submitted runs have a log and can be downloaded or canceled.

    Raises
    ------
    UsageError
        If the run was started on this machine and was not submitted.
    """
    if not _is_recorded(opened, run_id):
        return
    try:
        require_pipelines(opened.backend).get_run(run_id)
    except RunNotFoundError:
        folder = opened.workspace.outputs / run_id
        raise UsageError(
            f"--log, --download and --cancel are for submitted runs, but {run_id} was not submitted. "
            f"Its notebooks and reports are in {folder}."
        ) from None


def _iterate_records_on_platform(opened: OpenProject) -> Iterator[RunRecord]:
    platforms = ("", opened.parameters.platform)
    return (record for record in iterate_runs(opened.workspace.outputs) if record.platform in platforms)


def _is_recorded(opened: OpenProject, run_id: str) -> bool:
    return any(record.run_id == run_id for record in _iterate_records_on_platform(opened))


def _describe(opened: OpenProject, record: RunRecord) -> SubmittedRun:
    return describe_record(record, (opened.workspace.outputs / record.run_id).as_uri())
