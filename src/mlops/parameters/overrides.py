"""Overrides: values of parameters for one run. They have priority over all parameter files."""

# The user types an override as `-p step.name=value`.

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import yaml

from mlops.errors import ParameterError
from mlops.parameters.declarations import Parameter, Setting
from mlops.parameters.lookup import SHARED
from mlops.parameters.suggestion import suggest
from mlops.pipelines.step import Step

Value = bool | int | float | str | list[object]


@dataclass(frozen=True)
class Override:
    """A value for one parameter in one run.

    Parameters
    ----------
    step : str
        The name of the step, the name of its notebook without the number, or "shared" for all notebooks. Empty if the
        user named no step.
    name : str
        The name of the parameter.
    value : bool, int, float, str or list
        The value or, if `is_typed_text` is true, the text that the user typed.
    source : str
        The source of the value in error messages, such as "-p train.alpha".
    is_typed_text : bool
        Whether `value` is text that is not yet converted to the parameter's type.
    """

    step: str
    name: str
    value: Value
    source: str
    is_typed_text: bool = False

    def as_setting(self, parameter: Parameter) -> Setting:
        """Return the value of this override, converted to the type of `parameter` if possible."""
        if not self.is_typed_text:
            return Setting(self.value, self.source)
        value, text = self.value, str(self.value)
        if not isinstance(parameter.default, str):
            with suppress(ValueError, yaml.YAMLError):
                value = _convert_text(text, parameter.kind)
        return Setting(value, self.source, repr(text))

    def to_text(self) -> str:
        """Return this override as the text of a ``-p`` option, for the command line of another process."""
        text = self.value if isinstance(self.value, str) else json.dumps(self.value)
        return f"{self.step}.{self.name}={text}"


def read_override(text: str) -> Override:
    """Return the override in `text`, which is the argument of an option ``-p step.name=value``.

    Raises
    ------
    ParameterError
        If the text does not have the form ``step.name=value``.
    """
    found = re.fullmatch(r"(?:([\w-]+)\.)?(\w+)=(.*)", text, re.DOTALL)
    if not found:
        raise ParameterError(
            f"-p {text} is not of the form step.name=value. `mlops run --help` lists the steps and their parameters."
        )
    step, name, value = found.groups()
    return Override(step or "", name, value, f"-p {step}.{name}" if step else f"-p {name}", is_typed_text=True)


def _convert_text(text: str, kind: type) -> Value:
    # Numbers are not read as YAML, in which 010 is 8 and 1:30 is 90.
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    found: Value = yaml.safe_load(text) if kind is list else kind(text)
    return found


def check_overrides(
    overrides: Iterable[Override], pipeline: str, steps: Sequence[Step], only: str = "", options: str = ""
) -> None:
    """Raise an error if an override is for a step that does not run.

    Parameters
    ----------
    overrides : iterable of Override
        The values for one run.
    pipeline : str
        The name of the pipeline, for messages.
    steps : sequence of Step
        The steps of the pipeline.
    only : str
        The only step that runs. Empty if all steps run.
    options : str
        The option that selects the platform, such as " --platform azure", for use in messages. It may be empty.

    Raises
    ------
    ParameterError
        If an override is for a step that does not run.
    """
    for override in overrides:
        named = [step for step in steps if override.step in (SHARED, step.name, step.notebook_name)]
        if not named:
            raise ParameterError(
                f"{override.source}: the pipeline {pipeline} has no step {override.step!r}"
                f"{suggest(override.step, [step.name for step in steps], 'Its steps')}"
            )
        if only in {step.name for step in steps} - {step.name for step in named}:
            raise ParameterError(
                f"{override.source} would have no effect, because --only {only} does not run {override.step}. "
                f"To use it, run `mlops run {pipeline} -p {shlex.quote(override.to_text())}{options}`."
            )
