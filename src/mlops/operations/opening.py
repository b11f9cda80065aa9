"""A project on one of its platforms, and the check of the project's notebooks and files."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mlops.backends import open_backend
from mlops.image.check import check_sources, require_hashes
from mlops.image.sources import ImageSources, find_sources
from mlops.parameters.hyperparameters import require_fitting
from mlops.parameters.layers import MODEL_NAME
from mlops.parameters.merging import Parameters
from mlops.parameters.overrides import Override
from mlops.parameters.project import Project
from mlops.pipelines.step import Step
from mlops.platform.backend import Backend
from mlops.problem import Problem, load
from mlops.record.ledger import RunRecord
from mlops.workspace import Workspace


@dataclass(frozen=True)
class OpenProject:
    """A project on a platform, with the parameter values for one run.

    Parameters
    ----------
    project : Project
        The project. Its files have been read.
    backend : Backend
        The platform.
    overrides : tuple of Override
        The values that apply only to this run. Later ones have priority over earlier ones.
    parameters : Parameters
        The parameters: the values from the project's files, and the overrides.
    """

    project: Project
    backend: Backend
    overrides: tuple[Override, ...]
    parameters: Parameters

    @property
    def workspace(self) -> Workspace:
        """The folders of the project."""
        return self.project.workspace

    @property
    def problem(self) -> Problem:
        """The problem that the project solves.

        Raises
        ------
        ProblemError
            If base.yml names no problem, or if the declaration of the problem is wrong.
        """
        return load(self.project.base.problem)

    @property
    def model_name(self) -> str:
        """The name of the project's model in the registry."""
        return str(self.parameters.shared.get(MODEL_NAME) or self.problem.name)

    @property
    def command_options(self) -> str:
        """The option that selects this platform, with a leading space. Empty for the default platform."""
        return self.project.name_platform_option(self.parameters.platform)

    def override(self, *overrides: Override) -> "OpenProject":
        """Return the project with these overrides instead of its current ones.

        Raises
        ------
        ParameterError
            If an override is not allowed.
        """
        merged = self.project.merge(overrides, self.parameters.platform)
        return replace(self, overrides=overrides, parameters=merged)

    def reopen(self, run: RunRecord) -> "OpenProject":
        """Return the project with the parameters of an earlier run."""
        given = run.settings.parameters
        if given is None:
            return self
        shared = {**self.parameters.shared, **given.shared}  # older records lack newer parameters
        return replace(self, parameters=replace(given, shared=shared))


def open_project(
    project: Project, overrides: Sequence[Override] = (), platform: str = "", command: Sequence[str] = ()
) -> OpenProject:
    """Open a project on a platform, without sending a request to it.

    Parameters
    ----------
    project : Project
        The project.
    overrides : sequence of Override
        The values that apply only to one run.
    platform : str
        The name of the platform. Empty for the default platform.
    command : sequence of str
        The command with which the platform starts this program in the background, as a list of arguments.

    Raises
    ------
    ParameterError
        If a value in the project's files or an override is wrong.
    UsageError
        If this installation has no such platform.
    """
    parameters = project.merge(overrides, platform)
    backend = open_backend(parameters.platform, project.workspace, command)
    return OpenProject(project, backend, tuple(overrides), parameters)


def check_steps(opened: OpenProject, steps: Iterable[Step]) -> None:
    """Raise an error if the problem cannot be loaded, a notebook does not fit it, or a file for an image is wrong.

    Raises
    ------
    ProblemError
        If the declaration of the problem is wrong, or if a notebook does not fit its hyperparameters or metrics; see
        `require_fitting`. Also if a step creates an image, but the scoring script or its lock is missing or wrong; see
        `check_sources`.
    """
    steps = tuple(steps)
    require_fitting(opened.problem, opened.workspace.notebooks, steps, opened.project.names.by_notebook)
    for step in (step for step in steps if step.packs):
        sources = find_image_sources(opened, step)
        if opened.backend.environments:
            require_hashes(sources.requirements)
        check_sources(sources)


def find_image_sources(opened: OpenProject, step: Step) -> ImageSources:
    """Return the files from which a step creates an image.

    Raises
    ------
    ProblemError
        If a file does not exist.
    """
    values, packs = opened.parameters.values[step.name], step.packs
    given = (str(values.get(name) or "") for name in (packs.script, packs.requirements, packs.runtime)) if packs else ()
    return find_sources(opened.problem, opened.workspace.project, *given)
