"""The plan of a run, and its surroundings."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mlops.parameters.merging import Parameters
from mlops.parameters.project import Project
from mlops.pipelines import Step
from mlops.record.fingerprints import Observe
from mlops.record.ledger import StepRecord
from mlops.record.listener import Listener
from mlops.workspace import Workspace

Restore = Callable[[str, str, bool], None]
IsKept = Callable[[Step, StepRecord], bool]


@dataclass(frozen=True)
class Plan:
    """The plan of a run.

    Parameters
    ----------
    pipeline : str
        Its name.
    steps : sequence of Step
        All steps of the pipeline, each after those that it needs.
    parameters : Parameters
        Checked already.
    only : str
        The one step to run, on the results of the steps before it in an earlier run; empty to run all.
    force : bool
        True: also steps that have not changed run.
    jobs : int
        How many steps may run side by side; 0: as many as there are cores.
    at : str
        The one step of a submitted run that this process executes, on the results that the run has so far; the other
        steps are executed by other processes. Empty: this one executes all.
    """

    pipeline: str
    steps: Sequence[Step]
    parameters: Parameters
    only: str = ""
    force: bool = False
    jobs: int = 0
    at: str = ""


@dataclass(frozen=True)
class Surroundings:
    """The surroundings of a run.

    Parameters
    ----------
    project : Project
        The project; ``<outputs>/<run id>/`` of its workspace gets the executed notebooks and ``run.json``.
    listeners : sequence of Listener
        Called with the progress, in order.
    secrets : callable
        Returns the values that are redacted in all that is saved.
    restore : callable
        Called when a step that `restores` an environment has failed: with that environment, the digest of the image
        that the run has deployed there, and whether its service has answered.
    observe : callable
        Returns the present state of what a step `watches`: "champion".
    is_kept : callable
        Says whether what a step of an earlier run has left on the platform is still there, so that its results can be
        used: called with the step and its record.
    """

    project: Project
    listeners: Sequence[Listener] = ()
    secrets: Callable[[], Iterable[str]] = tuple
    restore: Restore = field(default=lambda environment, digest, answered: None)
    observe: Observe = field(default=lambda name: "")
    is_kept: IsKept = field(default=lambda step, found: True)

    @property
    def workspace(self) -> Workspace:
        """The folders of the project."""
        return self.project.workspace
