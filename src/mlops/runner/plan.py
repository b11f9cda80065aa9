"""The plan of a run, and its surroundings: the project, the listeners and the functions of the platform."""

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
        The checked parameters of the steps.
    only : str
        The only step to run (`--only`). Empty to run all steps.
    force : bool
        Whether to run unchanged steps again.
    jobs : int
        How many steps can run in parallel; 0 for one step per core.
    at : str
        The only step that this process executes, if each step has its own process; otherwise empty.
    source : str
        The earlier run whose results the step `only` uses. Empty to use the newest results.
    repeats : bool
        Whether an earlier run already completed the step `only` with the same inputs.
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
class Serving:
    """The service that runs in an environment.

    Parameters
    ----------
    described : str
        The model version and the health of the service: "churn version 2, which is healthy"; "nothing" if no service
        runs.
    digest : str
        The digest of the deployed image; empty if no service runs.
    """

    described: str
    digest: str = ""


@dataclass(frozen=True)
class Surroundings:
    """The project that a run uses, the objects that follow the run, and the platform functions that it calls.

    Parameters
    ----------
    project : Project
        The project. The run writes its executed notebooks and ``run.json`` to ``<outputs>/<run id>/``.
    listeners : sequence of Listener
        The objects that follow the run, in the order in which they are called.
    secrets : callable
        A function that returns the secrets to redact in everything that is saved.
    restore : callable
        A function that restores the previous service of an environment if a new service did not pass its test. It
        takes the environment, the digest of the image that the run deployed in it, and how the test ended.
    observe : callable
        A function that takes the name of a part of the platform's state, such as "champion", and returns its present
        value.
    is_kept : callable
        A function that takes a step and its record in an earlier run, and returns whether everything that the step
        created on the platform still exists.
    find_deployed : callable
        A function that takes an environment, and returns the digest of the image that is deployed in it, even if its
        service is stopped; empty if there is none.
    find_serving : callable
        A function that takes an environment, and returns its current service; None if this is unknown.
    """

    project: Project
    listeners: Sequence[Listener] = ()
    secrets: Callable[[], Iterable[str]] = tuple
    restore: Restore = field(default=lambda environment, digest, ending: None)
    observe: Observe = field(default=lambda name: "")
    is_kept: IsKept = field(default=lambda step, found: True)
    find_deployed: Callable[[str], str] = field(default=lambda environment: "")
    find_serving: Callable[[str], Serving | None] = field(default=lambda environment: None)

    @property
    def workspace(self) -> Workspace:
        """The folders of the project."""
        return self.project.workspace
