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
        All steps of the pipeline. Each step comes after the steps that it needs.
    parameters : Parameters
        The parameters, already checked.
    only : str
        The only step to run (`--only`). It uses the results of earlier runs for the steps that it needs. Empty to run
        all steps.
    force : bool
        Whether to run unchanged steps again.
    jobs : int
        How many steps can run in parallel; 0 for one step per core.
    at : str
        The step of a submitted run that this process executes. Other processes execute the other steps, and their
        results are in the folder of the run. Empty if this process executes all steps.
    source : str
        The earlier run from which `only` takes results. Empty to take the newest results of any run except sweeps.
    repeats : bool
        Whether an earlier run has already completed the step of `only` with the same results. If so, this run completes
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
        """Return the declaration of the step with this name."""
        return next(step for step in self.steps if step.name == name)


@dataclass(frozen=True)
class Surroundings:
    """The surroundings of a run: its project, its listeners and functions of the platform.

    Parameters
    ----------
    project : Project
        The project. The executed notebooks and ``run.json`` are written to ``<outputs>/<run id>/`` in its workspace.
    listeners : sequence of Listener
        The listeners that are notified of the progress, in this order.
    secrets : callable
        Returns the values to redact in everything that is saved.
    restore : callable
        Restores the previous service of an environment. Called if a step that declares `restores` failed. The arguments
        are the environment, the digest of the image that the run deployed there, and how the test ended.
    observe : callable
        Takes a name from `Step.watches`, such as "champion", and returns the current state of what it names.
    is_kept : callable
        Takes a step and its record in an earlier run. Returns whether the results of that step can be reused. They can
        if everything that it created on the platform still exists, and a service that it deployed still serves.
    find_serving : callable
        Takes an environment, and describes what it serves now: "diabetes version 2, which is healthy".
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
