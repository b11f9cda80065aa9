"""The restore of an environment's previous service, after the test of the new service failed."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlops.errors import MlopsError, ServiceTestFailed, ServiceUntestedError
from mlops.pipelines import find_deployment
from mlops.pipelines.step import Step
from mlops.platform.services import FAILED_TEST, Ending
from mlops.record.ledger import RunRecord
from mlops.record.summary import find_model
from mlops.runner.plan import Plan, Serving, Surroundings

ENDINGS: Mapping[str, Ending] = {  # how the test ended, by the class of its error; "interrupted" for all other classes
    ServiceTestFailed.__name__: "failed",
    ServiceUntestedError.__name__: "unanswered",
}


@dataclass(frozen=True)
class Left:
    """The result of an attempt to restore the previous service of an environment.

    Parameters
    ----------
    problem : str
        The service that may now run without a passed test, and the reason; empty if there is none.
    advice : str
        A sentence that tells the user to resume this run; empty if resuming does not help.
    interrupted : bool
        Whether the user interrupted the restore.
    resumable : bool
        Whether the user should resume this run.
    """

    problem: str = ""
    advice: str = ""
    interrupted: bool = False
    resumable: bool = True

    @property
    def told(self) -> str:
        """The problem and the advice, as one text."""
        return f"{self.problem} {self.advice}".strip()


def restore_service(step: Step, plan: Plan, record: RunRecord, around: Surroundings) -> Left:
    """Restore the service that an environment had before this run, after the test `step` of a new service failed.

    Do nothing if `step` tests no service.
    """
    # A test that had already passed, and whose repetition ended without a verdict, does not undo the deployment.
    deployment = find_deployment(plan.steps, step.restores) if step.restores else None
    deployed = record.step(deployment.name) if deployment else None
    if not deployment or not deployed or not deployed.results:
        return Left()
    ending = ENDINGS.get(record.get_step(step.name).error_kind, "interrupted")
    if plan.repeats and ending == "interrupted":
        return Left()
    model = find_model(record, [deployment])
    digest = str(deployed.results[deployment.deploys.digest])
    try:
        around.restore(step.restores, digest, ending)
    except (MlopsError, OSError) as error:  # the run must also report its own error
        return Left(
            f"The previous service could not be restored, so {step.restores} may still serve "
            f"{model or 'the image of this run'}, which has not passed its test. {error}"
        )
    except KeyboardInterrupt:
        serving = _find_serving(step.restores, around)
        now = f"serves {serving.described}" if serving else f"may serve {model or 'the image of this run'} untested"
        said = f"The restore of {step.restores} was interrupted, and {step.restores} {now}."
        options = around.project.name_platform_option(record.platform)
        if ending == "failed":
            repair = ""  # the previous service runs already, and a rollback would remove it
            if serving is None:
                repair = f" `mlops status{options}` shows what it serves."
            elif serving.digest == digest:
                repair = f' `mlops rollback{options} --reason "it {FAILED_TEST}"` restores the previous service.'
            return Left(f"{said}{repair}", interrupted=True, resumable=False)
        advice = f"`mlops resume {record.run_id}` deploys and tests {model or 'the image'} again."
        return Left(said, advice, interrupted=True)
    return Left()


def _find_serving(environment: str, around: Surroundings) -> Serving | None:
    try:
        return around.find_serving(environment)
    except (MlopsError, OSError, KeyboardInterrupt):
        return None
