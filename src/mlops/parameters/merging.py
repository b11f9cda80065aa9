"""The parameters of a run, merged from several sources and checked."""

# The sources, with the lowest priority first, are the notebook's own code, `base.yml`, `<platform>.yml`,
# `<environment>.yml` for the steps of that environment, and overrides such as `-p` options.

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops.errors import ParameterError
from mlops.parameters.declarations import Parameter, Setting, check_value
from mlops.parameters.layers import PROBLEM, Layer, check_section
from mlops.parameters.lookup import SHARED, Declared
from mlops.parameters.overrides import Override
from mlops.parameters.suggestion import suggest
from mlops.pipelines.step import Step

RUN_SETTINGS = (Parameter("step_timeout_minutes", 10.0, "time limit of a step; 0 means no limit", "[0, inf)"),)


@dataclass(frozen=True)
class Parameters:
    """The checked parameters of every step of a project.

    Parameters
    ----------
    platform : str
        The platform that the pipelines run on.
    step_timeout_minutes : float
        The time limit of a step, in minutes. 0 means no limit.
    shared : mapping
        The values of parameters, by name. A value applies to every notebook that declares the parameter.
    values : mapping of str to mapping
        For each step, the values that are set. A parameter that is not listed has the value in the notebook's code.
    """

    platform: str
    step_timeout_minutes: float
    shared: Mapping[str, Any]
    values: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Layers:
    """The parameter files for one platform.

    Parameters
    ----------
    common : sequence of Layer
        The files for all steps.
    environments : mapping of str to Layer
        For each environment ("qa" or "production"), the file for the steps that deploy or test its service.
    """

    common: Sequence[Layer]
    environments: Mapping[str, Layer]

    def __iter__(self) -> Iterator[Layer]:
        yield from self.common
        yield from self.environments.values()

    def chain(self, step: Step) -> list[Layer]:
        """Return the parameter files that apply to a step, with the lowest priority first."""
        own = self.environments.get(step.environment)
        return [*self.common, *([own] if own else [])]


Given = dict[str, dict[str, Setting]]  # the settings of each step, by name


def merge_layers(platform: str, layers: Layers, declared: Declared, overrides: Iterable[Override] = ()) -> Parameters:
    """Check every key and value of parameter files and overrides, and return the values merged for each step.

    Parameters
    ----------
    platform : str
        The name of the platform.
    layers : Layers
        The parameter files for the platform.
    declared : Declared
        All parameters that notebooks declare.
    overrides : iterable of Override
        The values for this run. The last value for a name has priority.

    Raises
    ------
    ParameterError
        If a step or parameter is unknown, or if a value has a wrong type, is out of range or is in the wrong file.
    """
    given = _read_overrides(overrides, declared)
    for layer in layers:
        _check_names(layer, declared)
    for environment, layer in layers.environments.items():
        _check_environment_file(environment, layer, declared.steps)
    for layer in list(layers)[1:]:
        _check_only_base_sets(layer, layers.common[0])
    common = {name: setting for layer in layers.common for name, setting in layer.shared.items()}
    shared = common | given.get(SHARED, {})
    _check_shared_values(layers, given, shared)
    return Parameters(
        platform=platform,
        step_timeout_minutes=_read_timeout(layers.common),
        shared={name: setting.value for name, setting in shared.items()},
        values={
            step.name: _merge_step(step, layers.chain(step), given, declared.by_notebook[step.notebook])
            | _tell(step, platform, declared.by_notebook[step.notebook])
            for step in declared.steps
        },
    )


def _read_overrides(overrides: Iterable[Override], declared: Declared) -> Given:
    given: Given = {}
    for override in overrides:
        parameter = declared.find(override.step, override.name, override.source)
        given.setdefault(override.step, {})[override.name] = override.as_setting(parameter)
    return given


def _check_names(layer: Layer, declared: Declared) -> None:
    for step, settings in {**layer.steps, SHARED: layer.shared}.items():
        for name, setting in settings.items():
            if setting.source != f"{layer.path}: {PROBLEM}":  # the engine sets this value, not the user
                check_value(declared.find(step, name, setting.source), setting)


def _check_environment_file(environment: str, layer: Layer, steps: Sequence[Step]) -> None:
    own = {name for step in steps if step.environment == environment for name in (step.name, step.notebook_name)}
    for setting in (*layer.run.values(), *layer.shared.values(), *layer.own.values()):
        raise ParameterError(f"{setting.source} applies to whole runs. It belongs in base.yml.")
    for step in layer.steps:
        if step not in own:
            raise ParameterError(
                f"{layer.path}: steps.{step} is not a step of {environment}{suggest(step, sorted(own))}"
            )


def _check_only_base_sets(layer: Layer, base: Layer) -> None:
    if layer.platform:
        raise ParameterError(f"{layer.path}: platform can be set only in {base.path}. Remove it here.")
    for setting in layer.kernels.values():
        raise ParameterError(f"{setting.source} applies to the kernels of all platforms. It belongs in base.yml.")


def _check_shared_values(layers: Layers, given: Given, shared: Mapping[str, Setting]) -> None:
    for step, settings in (*[item for layer in layers for item in layer.steps.items()], *given.items()):
        for name in settings.keys() & shared.keys() if step != SHARED else ():
            raise ParameterError(
                f"{settings[name].source}: all notebooks must use the same value. Set shared.{name} instead."
            )


def _read_timeout(layers: Iterable[Layer]) -> float:
    given: dict[str, Setting] = {}
    for layer in layers:
        check_section(RUN_SETTINGS, layer.run)
        given |= layer.run
    return float(check_section(RUN_SETTINGS, given)["step_timeout_minutes"])


def _merge_step(step: Step, chain: Iterable[Layer], given: Given, declared: Mapping[str, Parameter]) -> dict[str, Any]:
    # Within a layer, a value for the step has priority over a value for its notebook.
    names = dict.fromkeys((step.notebook_name, step.name))
    merged: dict[str, Setting] = {}
    for layer in chain:
        merged |= {name: setting for name, setting in layer.shared.items() if name in declared}
        for name in names:
            merged |= layer.steps.get(name, {})
    merged |= {name: setting for name, setting in given.get(SHARED, {}).items() if name in declared}
    for name in names:
        merged |= given.get(name, {})
    return {name: check_value(declared[name], setting) for name, setting in merged.items()}


def _tell(step: Step, platform: str, declared: Mapping[str, Parameter]) -> dict[str, str]:
    told = {"platform": platform, "environment": step.environment}
    return {name: value for name, value in told.items() if value and name in declared}
