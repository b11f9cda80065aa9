"""The plan of a run, and its surroundings."""

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
    """The plan of a run.

    Parameters
    ----------
    pipeline : str
        The name of the pipeline.
    steps : sequence of Step
        All steps of the pipeline, each after those that it needs.
    parameters : Parameters
        The parameters, already checked.
    only : str
        The only step to run, with the results of the steps before it from an earlier run; empty to run all.
    force : bool
        Whether to run unchanged steps, too.
    jobs : int
        How many steps can run in parallel; 0 for one per core.
    at : str
        The step of a submitted run that this process executes, with the results that the run has so far. Other
        processes execute the other steps. Empty if this process executes all steps.
    source : str
        The earlier run that `only` takes results from; empty for the newest results of any run that is not a sweep.
    repeats : bool
        Whether an earlier run already completed the step of `only` with the same results, so that this run completes
        nothing new, such as a release.
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
        """Return the declaration of one of the plan's steps."""
        return next(step for step in self.steps if step.name == name)


@dataclass(frozen=True)
class Surroundings:
    """The surroundings of a run.

    Parameters
    ----------
    project : Project
        The project; ``<outputs>/<run id>/`` of its workspace gets the executed notebooks and ``run.json``.
    listeners : sequence of Listener
        Notified of the progress, in this order.
    secrets : callable
        Returns the values to redact in everything that is saved.
    restore : callable
        Called if a step that `restores` an environment failed, with that environment, the digest of the image that
        the run deployed there, and how the test ended.
    observe : callable
        Returns the present state of something that a step `watches`, such as "champion".
    is_kept : callable
        Called with a step and its record in an earlier run. Returns whether everything that the step created on the
        platform still exists, and for a deployment whether it still serves, so that its results can be reused.
    """

    project: Project
    listeners: Sequence[Listener] = ()
    secrets: Callable[[], Iterable[str]] = tuple
    restore: Restore = field(default=lambda environment, digest, ending: None)
    observe: Observe = field(default=lambda name: "")
    is_kept: IsKept = field(default=lambda step, found: True)

    @property
    def workspace(self) -> Workspace:
        """The folders of the project."""
        return self.project.workspace
