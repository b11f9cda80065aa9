"""The grid of a sweep: all combinations of the listed values, checked before anything runs."""

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import yaml

from mlops.errors import ParameterError, UsageError
from mlops.parameters.declarations import Parameter, Setting, check_value
from mlops.parameters.merging import Parameters
from mlops.parameters.overrides import Override, check_overrides, read_override
from mlops.parameters.project import Project
from mlops.parameters.suggestion import suggest
from mlops.pipelines import SWEEP
from mlops.pipelines.step import Step

MOST_POINTS = 10_000


@dataclass(frozen=True)
class Grid:
    """The combinations of a sweep.

    Parameters
    ----------
    step : Step
        The step whose notebook is executed for every combination.
    needed : tuple of Step
        The steps that `step` needs, directly or indirectly, in the order in which they run.
    axes : mapping of str to tuple
        The values to try, by parameter.
    parameters : Parameters
        The values of all other parameters.
    """

    step: Step
    needed: tuple[Step, ...]
    axes: Mapping[str, tuple[Any, ...]]
    parameters: Parameters

    def __len__(self) -> int:
        return math.prod(len(values) for values in self.axes.values())

    def list_combinations(self) -> Iterator[dict[str, Any]]:
        """Yield every combination of the values. The last parameter varies fastest."""
        for values in itertools.product(*self.axes.values()):
            yield dict(zip(self.axes, values, strict=True))


def read_grid(project: Project, name: str, options: Sequence[str], platform: str = "") -> Grid:
    """Read the ``-p`` options of a sweep, check all names and values in them, and return the grid.

    Parameters
    ----------
    project : Project
        The project with the steps, parameters and notebooks.
    name : str
        The step to sweep.
    options : sequence of str
        The texts of the options: "alpha=0.1,1" lists values for the swept step, and "test_data.data_path=a.csv" sets
        one value for another step.
    platform : str
        The name of the platform. Empty for the platform that ``base.yml`` chooses.

    Raises
    ------
    UsageError
        If the step cannot be swept, if a parameter is unknown, if a value is not allowed, or if there are too many
        combinations.
    """
    step, needed = _find_step_and_needed(project.steps, name)
    declared = project.declared(step.notebook)
    listed, fixed = _separate_swept_from_fixed(options, step, declared)
    if not listed:
        example = suggest_values(declared.values())
        raise UsageError(f"No values are listed for a parameter of {name}. List the values to try: `-p {example}`.")
    parameters = project.merge([*fixed, *(values[0] for values in listed.values())], platform)
    check_overrides(fixed, SWEEP, [*needed, step])
    axes = {parameter: _read_values(declared[parameter], values) for parameter, values in listed.items()}
    grid = Grid(step, needed, axes, parameters)
    if len(grid) > MOST_POINTS:
        shape = " x ".join(str(len(values)) for values in axes.values())
        raise UsageError(
            f"The listed values make {len(grid):,} combinations ({shape}), but a sweep has at most {MOST_POINTS:,}. "
            "List fewer values."
        )
    return grid


def suggest_values(declared: Iterable[Parameter], given: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Return an example of values to sweep: "alpha=0.04,0.4,4", or "NAME=VALUE,VALUE" if no parameter is suitable.

    Parameters
    ----------
    declared : iterable of Parameter
        The parameters of the step.
    given : mapping
        The values of the parameters in an earlier run, by name. Values around them are suggested.
    """
    for parameter in declared:
        if parameter.kind not in (int, float):
            continue
        middle = given.get(parameter.name) or parameter.default  # 0 is not used, because its multiples are all 0
        allowed = []
        for value in (middle / 10, middle, middle * 10):
            with suppress(ParameterError):
                allowed.append(f"{check_value(parameter, Setting(value, '')):g}")
        if len(set(allowed)) > 1:
            return f"{parameter.name}={','.join(allowed)}"
    return "NAME=VALUE,VALUE"


def _find_step_and_needed(steps: Sequence[Step], name: str) -> tuple[Step, tuple[Step, ...]]:
    known = {step.name: step for step in steps}
    followed = {step.name: _follow_needs(step, known) for step in steps}
    allowed = [name for name, before in followed.items() if not any(step.only_if or step.effects for step in before)]
    if name not in allowed:
        why = "it changes what is registered or deployed" if name in known else "there is no such step"
        raise UsageError(f"Cannot sweep {name}: {why}{suggest(name, allowed, 'Steps to sweep')}")
    *needed, step = _follow_needs(known[name], known)
    return step, tuple(needed)


def _follow_needs(step: Step, known: Mapping[str, Step]) -> list[Step]:
    found = [before for name in step.needs for before in _follow_needs(known[name], known)]
    return list(dict.fromkeys([*found, step]))


def _separate_swept_from_fixed(
    options: Iterable[str], step: Step, declared: Mapping[str, Parameter]
) -> tuple[dict[str, list[Override]], list[Override]]:
    listed: dict[str, list[Override]] = {}
    fixed = []
    for text in options:
        found = re.fullmatch(r"(?:([\w-]+)\.)?(\w+)=(.*)", text, re.DOTALL)
        if not found:
            example = suggest_values(declared.values())
            raise ParameterError(f"-p {text} is not of the form name=value,value. For example, write -p {example}.")
        owner, name, values = found.groups()
        if owner not in (None, step.name, step.notebook_name):
            fixed.append(read_override(text))
        elif name in listed:
            raise ParameterError(f"-p {name} is given twice. List all its values in one option: -p {name}=0.1,1.")
        else:
            texts = _split_values(values, name in declared and isinstance(declared[name].default, list))
            source = f"-p {step.name}.{name}"
            listed[name] = [Override(step.name, name, value, source, is_typed_text=True) for value in texts]
    return listed, fixed


def _split_values(text: str, each_is_a_list: bool) -> list[str]:
    """Return the values that a text lists, either separated by commas or as a YAML list in brackets."""
    if not (text.startswith("[") and text.endswith("]")):
        return [text] if each_is_a_list else [value.strip() for value in text.split(",")]
    try:
        items = yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        return [text]
    if not each_is_a_list:
        return [item if isinstance(item, str) else str(item) for item in items] or [text]
    parts = yaml.safe_load(text)
    if not parts or not all(isinstance(part, list) for part in parts):
        return [text]
    return [yaml.safe_dump(part, default_flow_style=True, width=math.inf).strip() for part in parts]


def _read_values(parameter: Parameter, listed: Iterable[Override]) -> tuple[Any, ...]:
    values: list[Any] = []
    for override in listed:
        value = check_value(parameter, override.as_setting(parameter))
        if value in values:
            raise ParameterError(f"{override.source}: {override.value!r} is listed twice. Remove one.")
        values.append(value)
    return tuple(values)
