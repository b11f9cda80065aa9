"""The plan of a run, and the project and platform that it uses."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mlops.parameters.merging import Parameters
from mlops.parameters.project import Project
from mlops.pipelines.step import Step
from mlops.platform.services import Ending
from mlops.record.fingerprints import Observe
from mlops.record.ledger import StepRecord
from mlops.record.listener import Listener
from mlops.workspace import Workspace

Restore = Callable[[str, str, Ending], None]
IsKept = Callable[[Step, StepRecord], bool]


@dataclass(frozen=True)
class Plan:
    """The steps that a run executes, with their parameters and options.

    Parameters
    ----------
    pipeline : str
        The name of the pipeline.
    steps : sequence of Step
        All steps of the pipeline. Each step comes after the steps that it needs.
    parameters : Parameters
        The parameters, which must have been checked.
    only : str
        The only step to run (`--only`). The results of the steps that it needs are taken from earlier runs. Empty to
        run all steps.
    force : bool
        Whether to run unchanged steps again.
    jobs : int
        How many steps can run in parallel; 0 for one step per core.
    at : str
        The step that this process executes, if each step of the run has a process of its own. The results of the other
        steps are in the folder of the run. Empty if this process executes all steps.
    source : str
        The earlier run whose results the step `only` uses. If empty, it uses the newest results of all runs except
        sweeps.
    repeats : bool
        Whether an earlier run already completed the step `only`, based on the same results of earlier steps. A test
        that is repeated in this way does not complete a release again.
    """

    pipeline: str
    steps: Sequence[Step]
    parameters: Parameters
    only: str = ""
    force: bool = False
    jobs: int = 0
    at: str = ""
    source: str = ""
    repeats: bool = False

    def find_step(self, name: str) -> Step:
        """Return the declaration of the step with this name."""
        return next(step for step in self.steps if step.name == name)


@dataclass(frozen=True)
class Surroundings:
    """The project, listeners and platform functions that a run uses.

    Parameters
    ----------
    project : Project
        The project. The run writes its executed notebooks and ``run.json`` to ``<outputs>/<run id>/``.
    listeners : sequence of Listener
        The listeners that follow the run. They are called in this order.
    secrets : callable
        Returns the values to redact in everything that is saved.
    restore : callable
        Restores the previous service of an environment. Called if a step that declares `restores`, such as the test of
        a service, failed. The arguments are the environment, the digest of the image that the run deployed there, and
        how the test ended.
    observe : callable
        Returns the current state of one entry of `Step.watches`: the current champion for "champion".
    is_kept : callable
        Returns whether the results of a step can be reused. The arguments are the step and its record in an earlier
        run. Everything that the step created on the platform must still exist, and a service that it deployed must
        still serve.
    find_serving : callable
        Returns a description of what an environment serves now: "churn version 2, which is healthy".
    """

    project: Project
    listeners: Sequence[Listener] = ()
    secrets: Callable[[], Iterable[str]] = tuple
    restore: Restore = field(default=lambda environment, digest, ending: None)
    observe: Observe = field(default=lambda name: "")
    is_kept: IsKept = field(default=lambda step, found: True)
    find_serving: Callable[[str], str] = field(default=lambda environment: "")

    @property
    def workspace(self) -> Workspace:
        """The folders of the project."""
        return self.project.workspace
