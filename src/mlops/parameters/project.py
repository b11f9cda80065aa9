"""The parameter files of a project, and the parameters that its notebooks declare."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mlops.errors import ParameterError
from mlops.parameters.declarations import Parameter, read_declarations
from mlops.parameters.kernel_section import check_settings
from mlops.parameters.layers import BASE, Layer, read_layer
from mlops.parameters.lookup import Declared
from mlops.parameters.merging import Layers, Parameters, merge_layers
from mlops.parameters.overrides import Override
from mlops.pipelines import ALL_STEPS
from mlops.pipelines.advice import name_platform_option
from mlops.pipelines.step import Step
from mlops.workspace import Workspace


@dataclass(frozen=True)
class Project:
    """The parameters of a project, as read from its files by `load`.

    Parameters
    ----------
    workspace : Workspace
        The folders of the project and of its state.
    names : Declared
        The parameters that the notebooks declare.
    base : Layer
        The content of ``base.yml``.
    environments : mapping of str to Layer
        The parameter files of the environments, by environment. An environment without a file is left out.
    """

    workspace: Workspace
    names: Declared
    base: Layer
    environments: Mapping[str, Layer]
    _platforms: dict[str, list[Layer]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def load(cls, workspace: Workspace, steps: Sequence[Step] = ALL_STEPS) -> "Project":
        """Return the parameters of a project, from its notebooks and all parameter files except those of platforms.

        Parameters
        ----------
        workspace : Workspace
            The folders of the project, which has ``parameters/`` and ``notebooks/``.
        steps : sequence of Step
            All steps of the project.

        Raises
        ------
        ParameterError
            If a file cannot be read, or is invalid.
        """
        base = read_layer(workspace.parameters / f"{BASE}.yml")
        notebooks = dict.fromkeys(step.notebook for step in steps)
        declared = {name: read_declarations(workspace.notebooks / f"{name}.ipynb") for name in notebooks}
        environments = sorted({step.environment for step in steps} - {""})
        layers = {name: layer for name in environments for layer in _read_layers(workspace, name)}
        return cls(workspace, Declared(steps, declared), base, layers)

    @property
    def default_platform(self) -> str:
        """The name of the platform that ``base.yml`` selects."""
        return self.base.platform

    def name_platform_option(self, platform: str) -> str:
        """Return the option that selects a platform on the command line; see `mlops.pipelines.advice`."""
        return name_platform_option(platform, self.default_platform)

    @property
    def steps(self) -> Sequence[Step]:
        """All steps of the project."""
        return self.names.steps

    def declared(self, notebook: str) -> Mapping[str, Parameter]:
        """Return the parameters that a notebook declares, by name. `notebook` is its file name without extension."""
        return self.names.by_notebook[notebook]

    def merge(self, overrides: Iterable[Override] = (), platform: str = "") -> Parameters:
        """Check all parameter files and overrides, and return the values merged for each step.

        Parameters
        ----------
        overrides : iterable of Override
            The values for one run.
        platform : str
            The name of the platform. Empty for the default platform.

        Raises
        ------
        ParameterError
            If a step or parameter is unknown, or if a value has a wrong type or is out of range.
        """
        platform = platform or self.default_platform
        if not re.fullmatch(r"\w+", platform):
            raise ParameterError(
                f"{self.base.path}: platform: {platform!r} is not the name of a platform. For example, write "
                "`platform: local`."
            )
        if platform not in self._platforms:
            self._platforms[platform] = _read_layers(self.workspace, platform)
        check_settings(self.base.kernels, self.workspace.packages)
        layers = Layers([self.base, *self._platforms[platform]], self.environments)
        return merge_layers(platform, layers, self.names, overrides)


def _read_layers(workspace: Workspace, name: str) -> list[Layer]:
    path = workspace.parameters / f"{name}.yml"
    return [read_layer(path)] if path.is_file() else []
