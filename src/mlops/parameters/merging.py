"""The parameters of a run: every layer checked, and merged for each step.

The layers, weakest first: the notebook's own literal, ``base.yml``, ``<platform>.yml``, ``<environment>.yml`` for the
steps of that environment, ``-p``. Everything is checked before anything runs.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from mlops.errors import ParameterError
from mlops.parameters.declarations import Parameter, Setting, check_value, read_declarations
from mlops.parameters.kernel_section import check_settings
from mlops.parameters.layers import Layer, read_layer
from mlops.pipelines import Step

# What the runner itself tells a notebook, where the notebook declares it; no file and no -p may set these.
RESERVED = ("platform", "environment", "run_folder", "sweep")
SECRET_NAME = re.compile(r"(^|_)(password|passwd|secret|token|credential|connection_string|api_key|account_key)s?($|_)")
SHARED = "shared"  # in a -p, the place of the step: the value holds for every notebook that declares the name

RUN_SETTINGS = (Parameter("step_timeout_minutes", 10.0, "a step that takes longer is ended; 0: no limit", "[0, inf)"),)


def read_override(text: str) -> tuple[str, str, Setting]:
    """Read a ``-p step.name=value``.

    Returns
    -------
    tuple of (str, str, Setting)
        Step, parameter name, and the value, still as text.
    """
    found = re.fullmatch(r"([\w-]+)\.(\w+)=(.*)", text, re.DOTALL)
    if not found:
        raise ParameterError(f"-p {text}: write it as step.name=value, for example train.alpha=0.1")
    return found[1], found[2], Setting(found[3], f"-p {found[1]}.{found[2]}", repr(found[3]))


@dataclass(frozen=True)
class Parameters:
    """Every layer of a project, checked: what each step's notebook is to be given.

    Parameters
    ----------
    platform : str
        Where the pipelines run.
    step_timeout_minutes : float
        A step that takes longer is ended.
    shared : mapping
        The values that hold for every notebook that declares their names.
    values : mapping of str to mapping
        By step, the values that some layer sets and those that the runner tells; what is not there keeps
        the notebook's own literal.
    """

    platform: str
    step_timeout_minutes: float
    shared: Mapping[str, Any]
    values: Mapping[str, Mapping[str, Any]]


Declared = Mapping[str, Mapping[str, Parameter]]  # by notebook, then by name
Given = dict[str, dict[str, Setting]]  # by step, then by name


def load_parameters(
    project: Path, steps: Sequence[Step], overrides: Iterable[str] = (), platform: str = ""
) -> Parameters:
    """Read the layers and check every key and value in them.

    Parameters
    ----------
    project : Path
        Holds ``parameters/`` and ``notebooks/``.
    steps : sequence of Step
        All steps of the project, not only those that are to run: a typing error in any is found.
    overrides : iterable of str
        The ``-p`` options: "train.alpha=0.1".
    platform : str
        The platform asked for; empty for the one that ``base.yml`` chooses.

    Raises
    ------
    ParameterError
        For an unknown step, an unknown parameter, a wrong type, a value out of range.
    """
    folder = project / "parameters"
    base = read_layer(folder / "base.yml")
    platform = platform or base.platform
    if not re.fullmatch(r"\w+", platform):
        raise ParameterError(
            f"{base.path}: platform: {platform!r} is no platform's name; write for example `platform: local`"
        )
    declared = {step.notebook: read_declarations(project / "notebooks" / f"{step.notebook}.ipynb") for step in steps}
    given = _read_overrides(overrides, steps, declared)
    common = [base, *_read_layers(folder, [platform])]
    specific = {name: _read_layers(folder, [name]) for name in sorted({step.environment for step in steps} - {""})}
    layers = [*common, *(layer for found in specific.values() for layer in found)]
    check_settings(base.kernels)
    for layer in layers:
        _check_names(layer, steps, declared)
    for environment, found in specific.items():
        _check_environment(environment, found, steps)
    for layer in layers[1:]:
        if layer.platform:
            raise ParameterError(f"{layer.path}: platform: only {base.path} chooses it; take it out")
        for setting in layer.kernels.values():
            raise ParameterError(f"{setting.source}: kernels are started alike everywhere, so it belongs into base.yml")
    chains = {step.name: [*common, *specific.get(step.environment, [])] for step in steps}
    shared = {name: setting for layer in common for name, setting in layer.shared.items()} | given.get(SHARED, {})
    for step, settings in (*[item for layer in layers for item in layer.steps.items()], *given.items()):
        for name in settings.keys() & shared.keys() if step != SHARED else ():
            raise ParameterError(f"{settings[name].source}: all notebooks must agree on it: set shared.{name} instead")
    return Parameters(
        platform=platform,
        step_timeout_minutes=_read_timeout(common),
        shared={name: setting.value for name, setting in shared.items()},
        values={
            step.name: _merge(step, chains[step.name], given, declared[step.notebook])
            | _tell(step, platform, declared[step.notebook])
            for step in steps
        },
    )


def _check_environment(environment: str, layers: Iterable[Layer], steps: Sequence[Step]) -> None:
    """Refuse in an environment's file what would be ignored there."""
    own = {name for step in steps if step.environment == environment for name in (step.name, step.notebook_name)}
    for layer in layers:
        for setting in (*layer.run.values(), *layer.shared.values(), *layer.own.values()):
            raise ParameterError(f"{setting.source}: it holds for whole runs, so it belongs into base.yml")
        for step in layer.steps:
            if step not in own:
                raise ParameterError(
                    f"{layer.path}: steps.{step} is no step of {environment}{_suggest(step, sorted(own))}"
                )


def check_overrides(overrides: Iterable[str], pipeline: str, steps: Sequence[Step]) -> None:
    """Refuse a ``-p`` for a step that the pipeline does not have: it would change nothing.

    Raises
    ------
    ParameterError
        Naming the steps that it has.
    """
    names = list(dict.fromkeys(name for step in steps for name in (step.notebook_name, step.name)))
    for text in overrides:
        step, _, setting = read_override(text)
        if step not in names and step != SHARED:
            raise ParameterError(
                f"{setting.source}: the pipeline {pipeline} has no step {step!r}{_suggest(step, names)}"
            )


def _read_layers(folder: Path, names: Iterable[str]) -> list[Layer]:
    return [read_layer(folder / f"{name}.yml") for name in names if (folder / f"{name}.yml").is_file()]


def _read_timeout(layers: Iterable[Layer]) -> float:
    (timeout,) = RUN_SETTINGS
    found = Setting(timeout.default, "")
    for setting_name, setting in [item for layer in layers for item in layer.run.items()]:
        if setting_name != timeout.name:
            raise ParameterError(f"{setting.source} is unknown{_suggest(setting_name, [timeout.name])}")
        check_value(timeout, setting)
        found = setting
    return float(check_value(timeout, found))


def _merge(step: Step, chain: Iterable[Layer], given: Given, declared: Mapping[str, Parameter]) -> dict[str, Any]:
    """Return the values for one step: weakest layer first, and in each the notebook's name before the step's."""
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


def _read_overrides(overrides: Iterable[str], steps: Sequence[Step], declared: Declared) -> Given:
    given: Given = {}
    for text in overrides:
        step, name, setting = read_override(text)
        if step == SHARED:
            parameter = _find_shared(name, setting.source, declared)
        else:
            parameter = _find_parameter(step, name, setting.source, steps, declared)
        given.setdefault(step, {})[name] = _type_setting(parameter, setting)
    return given


def read_value(parameter: Parameter, setting: Setting) -> Any:
    """Return the value of a ``-p``, which is text, in the parameter's type.

    Raises
    ------
    ParameterError
        If it is of another type, or not among the allowed values.
    """
    return check_value(parameter, _type_setting(parameter, setting))


def _type_setting(parameter: Parameter, setting: Setting) -> Setting:
    if isinstance(parameter.default, str):
        return setting
    with suppress(ValueError, yaml.YAMLError):  # it stays text then, and the check says what it should be
        return replace(setting, value=_read_text(setting.value, type(parameter.default)))
    return setting


def _read_text(text: str, kind: type) -> Any:
    """Read the value of a ``-p``; YAML is not asked for numbers, for it takes 010 for 8 and 1:30 for 90."""
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    return yaml.safe_load(text) if kind is list else kind(text)


def _check_names(layer: Layer, steps: Sequence[Step], declared: Declared) -> None:
    for step, settings in layer.steps.items():
        for name, setting in settings.items():
            check_value(_find_parameter(step, name, setting.source, steps, declared), setting)
    for name, setting in layer.shared.items():
        check_value(_find_shared(name, setting.source, declared), setting)


def _find_shared(name: str, source: str, declared: Declared) -> Parameter:
    """Return a parameter that holds for every notebook that declares it."""
    _refuse_reserved(name, source)
    everywhere = {name: parameter for parameters in declared.values() for name, parameter in parameters.items()}
    if name not in everywhere:
        known = sorted(everywhere.keys() - set(RESERVED))
        raise ParameterError(f"{source}: no notebook declares it{_suggest(name, known)}")
    return everywhere[name]


def _find_parameter(step: str, name: str, source: str, steps: Sequence[Step], declared: Declared) -> Parameter:
    notebooks = {known.notebook_name: known.notebook for known in steps} | {
        known.name: known.notebook for known in steps
    }
    if step not in notebooks:
        raise ParameterError(f"{source}: there is no step {step!r}{_suggest(step, notebooks)}")
    _refuse_reserved(name, source)
    parameters = declared[notebooks[step]]
    if name not in parameters:
        known = [parameter for parameter in parameters if parameter not in RESERVED]
        raise ParameterError(f"{source}: notebooks/{notebooks[step]}.ipynb declares no {name!r}{_suggest(name, known)}")
    return parameters[name]


def _refuse_reserved(name: str, source: str) -> None:
    if name in RESERVED:
        raise ParameterError(f"{source}: the runner itself sets {name!r}; take it out")
    if SECRET_NAME.search(name):
        raise ParameterError(
            f"{source}: a secret is never a parameter, for papermill writes parameters into the notebook; "
            f"set the environment variable MLOPS_SECRET_{name.upper()} instead"
        )


def _suggest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    return (f"; did you mean {close[0]!r}?" if close else "") + f" (known: {', '.join(names) or 'none'})"
