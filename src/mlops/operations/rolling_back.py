"""The rollback of an environment to its previous service, recorded as a run."""

from collections.abc import Sequence
from dataclasses import replace

from mlops.errors import DeploymentError, DeploymentNotFoundError, IntegrityError, MlopsError, UsageError
from mlops.operations.opening import OpenProject
from mlops.operations.preconditions import require_ready
from mlops.operations.status import Status, read_status
from mlops.operations.surroundings import surround_run
from mlops.pipelines import ROLLBACK
from mlops.platform.pipelines import SubmittedRun
from mlops.platform.services import Decision, Rollback, name_model
from mlops.record.clock import now
from mlops.record.ledger import RunRecord, RunState, StepRecord, make_run_folder, number_run, write_run
from mlops.record.listener import Listener
from mlops.record.processes import own_process
from mlops.record.redaction import redact_record
from mlops.record.summary import ROLLED_BACK, SERVES, TAKEN_OUT, name_rollback
from mlops.record.user import find_user
from mlops.release.next_release import find_next_release
from mlops.release.refusals import explain_no_previous
from mlops.runner import Surroundings


def roll_back(
    opened: OpenProject,
    environment: str,
    reason: str,
    listeners: Sequence[Listener] = (),
    *,
    take_over: bool = False,
) -> RunRecord:
    """Redeploy the newest earlier image that passed its test, and record the rollback as a run.

    Parameters
    ----------
    opened : OpenProject
        The project on its platform.
    environment : str
        The name of the environment.
    reason : str
        The user's reason for the rollback.
    listeners : sequence of Listener
        Notified of the end of the run.
    take_over : bool
        Whether the restored image may belong to another model.

    Returns
    -------
    RunRecord
        The record of the rollback: a run of the pipeline "rollback" with one step and without a notebook.

    Raises
    ------
    UsageError
        If the reason is empty, if there is no image to restore, or if the only such image belongs to another model and
        `take_over` is False. No run is recorded then.
    """
    require_ready(opened.backend)
    _require_previous_service(opened, environment, take_over)
    _require_reason(opened, environment, reason, take_over)
    around = surround_run(opened, listeners)
    record = _begin(opened, environment, reason)
    decision = Decision(record.by, reason, record.run_id)
    try:
        _save(record, around)
        rollback = opened.backend.services.roll_back(environment, decision, take_over=take_over)
    except (MlopsError, OSError, KeyboardInterrupt) as error:
        _end(_record_failure(record, error), around)
        raise
    return _end(_record_success(record, rollback), around)


def _require_reason(opened: OpenProject, environment: str, reason: str, take_over: bool) -> None:
    if not reason.strip():
        options = f"{opened.command_options} --environment {environment}{' --take-over' if take_over else ''}"
        raise UsageError(f'A rollback needs a reason. Run `mlops rollback{options} --reason "TEXT"`.')


def explain_next_release(opened: OpenProject, record: RunRecord) -> str:
    """Return sentences that say what the next release deploys, and how to deploy the rolled-back version again.

    Parameters
    ----------
    opened : OpenProject
        The project on its platform.
    record : RunRecord
        The run that recorded the rollback.
    """
    taken_out = record.result(TAKEN_OUT)
    barred = f"A release does not deploy {taken_out} again without `--redeploy-rolled-back`."
    try:
        status = read_status(opened)
    except MlopsError:
        return barred  # the rollback has already succeeded, so an unreachable platform is not an error
    following = find_next_release(status)
    if following and following.rollback and following.rollback.decision.run_id == record.run_id:
        return f"A release deploys {taken_out} again only with `{following.command}`."
    if following is None:
        return barred
    if _serves_champion(status, record):
        bars_image = any(found.digest and found.decision.run_id == record.run_id for found in status.rollbacks)
        renewed = bars_image and status.outdated
        return f"{barred} {status.outdated} `{following.command}` creates a new one." if renewed else barred
    return f"{barred} The champion is {following.version.title}, which `{following.command}` deploys."


def _serves_champion(status: Status, record: RunRecord) -> bool:
    (step,) = record.steps
    return any(found.serves_champion and found.service.environment == step.environment for found in status.standings)


def _require_previous_service(opened: OpenProject, environment: str, take_over: bool) -> None:
    try:
        opened.backend.services.require_previous(environment, take_over=take_over)
    except DeploymentNotFoundError as error:
        lost = _explain_lost_champion(opened)  # `error` advises a release, which is impossible without a champion
        raise UsageError(f"{explain_no_previous(environment)} {lost}" if lost else str(error)) from error
    except DeploymentError as error:
        raise UsageError(str(error)) from error


def _explain_lost_champion(opened: OpenProject) -> str:
    try:
        opened.backend.registry.find_champion(opened.model_name)
    except IntegrityError as error:
        return str(error)
    return ""


def list_rollback_runs(opened: OpenProject) -> list[SubmittedRun]:
    """Return the rollbacks on a platform, including those from other machines."""
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
            reason=_describe(rollback),
            model_name=name_model(rollback.restored),
            model_version=rollback.restored_version,
            override=rollback.restored_override,
        )
        for rollback in opened.backend.services.list_rollbacks()
    ]


def _describe(rollback: Rollback) -> str:
    why = rollback.decision
    return name_rollback(rollback.model, rollback.restored_model, rollback.environment, why.by, why.reason)


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
