"""Rolling an environment back, and recording it as a run."""

from collections.abc import Sequence
from dataclasses import replace

from mlops.errors import MlopsError
from mlops.operations.opening import OpenProject, require_ready
from mlops.operations.surroundings import surround_run
from mlops.pipelines import ROLLBACK
from mlops.platform.pipelines import SubmittedRun
from mlops.platform.services import Decision, Rollback, name_model
from mlops.record.clock import now
from mlops.record.ledger import RunRecord, RunState, StepRecord, make_run_folder, number_run, write_run
from mlops.record.listener import Listener
from mlops.record.processes import own_process
from mlops.record.redaction import redact_record
from mlops.record.summary import ROLLED_BACK, SERVES, TAKEN_OUT
from mlops.record.user import find_user
from mlops.release.standing import describe_rollback
from mlops.runner import Surroundings


def roll_back(opened: OpenProject, environment: str, reason: str = "", listeners: Sequence[Listener] = ()) -> RunRecord:
    """Restore the previous image that passed its test, and record who did so, when and why.

    Parameters
    ----------
    opened : OpenProject
        The project on its platform.
    environment : str
        The environment.
    reason : str
        The user's reason.
    listeners : sequence of Listener
        Notified of the end of the run.

    Returns
    -------
    RunRecord
        A run of the pipeline "rollback" with one step, which has no notebook.

    Raises
    ------
    DeploymentNotFoundError
        If there is no image to restore. The run is recorded as failed, like after any other error.
    """
    require_ready(opened.backend)
    around = surround_run(opened, listeners)
    record = _begin(opened, environment, reason)
    decision = Decision(record.by, reason, record.run_id)
    try:
        _save(record, around)
        rollback = opened.backend.services.roll_back(environment, decision)
    except (MlopsError, OSError, KeyboardInterrupt) as error:
        _end(_record_failure(record, error), around)
        raise
    return _end(_record_success(record, rollback), around)


def list_rollback_runs(opened: OpenProject) -> list[SubmittedRun]:
    """Return the rollbacks of a platform, from any machine, as runs, for the list of submitted runs."""
    return [
        SubmittedRun(
            run_id=rollback.decision.run_id,
            pipeline=ROLLBACK,
            version="",
            state="succeeded",
            outcome=ROLLED_BACK,
            started=rollback.at,
            finished=rollback.at,
            tags={"by": rollback.decision.by, "environment": rollback.environment},
            reason=describe_rollback(rollback),
            model_name=name_model(rollback.image),
            model_version=rollback.model_version,
        )
        for rollback in opened.backend.services.list_rollbacks()
    ]


def _begin(opened: OpenProject, environment: str, reason: str) -> RunRecord:
    began = now()
    return RunRecord(
        run_id=make_run_folder(opened.workspace.outputs, ROLLBACK).name,
        pipeline=ROLLBACK,
        platform=opened.parameters.platform,
        state="running",
        started=began,
        git_commit="",  # no code of the project runs, so no commit is recorded
        process=own_process(),
        steps=(StepRecord(ROLLBACK, "", environment, state="running", started=began),),
        order=number_run(opened.workspace.outputs),
        by=find_user(),
        reason=reason,
    )


def _record_success(record: RunRecord, rollback: Rollback) -> RunRecord:
    results = {"environment": rollback.environment, TAKEN_OUT: rollback.model, SERVES: rollback.restored_model}
    (step,) = record.steps
    done = replace(step, state="done", results=results)
    return replace(record, state="succeeded", outcome=ROLLED_BACK, steps=(done,))


def _record_failure(record: RunRecord, error: BaseException) -> RunRecord:
    state: RunState = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
    said = str(error) or state
    (step,) = record.steps
    failed = replace(step, state="failed", error=said, error_kind=type(error).__name__)
    return replace(record, state=state, outcome="error", steps=(failed,), error=said)


def _save(record: RunRecord, around: Surroundings) -> RunRecord:
    saved = redact_record(record, around.secrets())
    write_run(saved, around.workspace.outputs)
    return saved


def _end(record: RunRecord, around: Surroundings) -> RunRecord:
    saved = _save(replace(record, finished=now()), around)
    for listener in around.listeners:
        listener.run_ended(saved)
    return saved
