"""Restores the previous service of an environment after the test of a new service failed."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlops.errors import MlopsError, ServiceTestFailed, ServiceUntestedError
from mlops.pipelines import find_deployment
from mlops.pipelines.step import Step
from mlops.platform.services import FAILED_TEST, Ending
from mlops.record.ledger import RunRecord
from mlops.record.summary import find_model
from mlops.runner.plan import Plan, Serving, Surroundings

ENDINGS: Mapping[str, Ending] = {  # by the class of the test's error; all others count as "interrupted"
    ServiceTestFailed.__name__: "failed",
    ServiceUntestedError.__name__: "unanswered",
}


@dataclass(frozen=True)
class Left:
    """The result of an attempt to restore the previous service of an environment.

    Parameters
    ----------
    problem : str
        What went wrong with the attempt, and what the environment may serve now; empty if nothing went wrong.
    advice : str
        A sentence that advises the user to resume this run; empty if there is no such advice.
    interrupted : bool
        Whether the user interrupted the attempt.
    resumable : bool
        Whether it makes sense to resume this run.
    """

    problem: str = ""
    advice: str = ""
    interrupted: bool = False
    resumable: bool = True

    @property
    def told(self) -> str:
        """The problem and the advice as one text."""
        return f"{self.problem} {self.advice}".strip()


def restore_service(step: Step, plan: Plan, record: RunRecord, around: Surroundings) -> Left:
    """Restore an environment's previous service after the test of a new service failed, and return the result.

    `step` is the step that failed or was interrupted. If this step does not test a service, nothing is done.
    """
    # If the test had passed before, and its repetition was interrupted, the deployment is not undone.
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
    except (MlopsError, OSError) as error:  # the run must also report the error of the test
        return Left(
            f"The previous service could not be restored, so {step.restores} may still serve "
            f"{model or 'the image of this run'}, which has not passed its test. {error}"
        )
    except KeyboardInterrupt:
        serving = _find_serving(step.restores, around)
        now = f"serves {serving.described}" if serving else f"may serve {model or 'the image of this run'} untested"
        said = f"Restoring {step.restores} was interrupted, and {step.restores} {now}."
        options = around.project.name_platform_option(record.platform)
        if ending == "failed":
            repair = ""  # if the previous service already runs, a rollback would end it
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
