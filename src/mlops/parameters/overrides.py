"""Overrides: values for one run, which win over every layer.

A person types one as ``-p step.name=value``, and only `read_override` parses that text. The engine creates others from
typed values (``--force``, the registered data set), without converting them to text.
"""

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
        The step's name, its notebook's name without the number, or `SHARED`; empty if none was typed, which `Declared`
        refuses with a suggestion.
    name : str
        The parameter.
    value : bool, int, float, str or list
        The value, or the text that a person typed.
    source : str
        Where it comes from, for error messages: "-p train.alpha".
    is_typed_text : bool
        True: `value` is text that must still be converted to the parameter's type.
    """

    step: str
    name: str
    value: Value
    source: str
    is_typed_text: bool = False

    def as_setting(self, parameter: Parameter) -> Setting:
        """Return the value in a parameter's type. Text that cannot be converted stays text, which the check refuses."""
        if not self.is_typed_text:
            return Setting(self.value, self.source)
        value, text = self.value, str(self.value)
        if not isinstance(parameter.default, str):
            with suppress(ValueError, yaml.YAMLError):
                value = _read_text(text, parameter.kind)
        return Setting(value, self.source, repr(text))

    def to_text(self) -> str:
        """Return the text that `read_override` parses, for the command line of another process."""
        text = self.value if isinstance(self.value, str) else json.dumps(self.value)
        return f"{self.step}.{self.name}={text}"


def read_override(text: str) -> Override:
    """Parse the text of ``-p step.name=value``.

    Raises
    ------
    ParameterError
        If the text has a different form.
    """
    found = re.fullmatch(r"(?:([\w-]+)\.)?(\w+)=(.*)", text, re.DOTALL)
    if not found:
        raise ParameterError(
            f"-p {text} is not of the form step.name=value. `mlops run --help` lists the steps and their parameters."
        )
    step, name, value = found.groups()
    return Override(step or "", name, value, f"-p {step}.{name}" if step else f"-p {name}", is_typed_text=True)


def _read_text(text: str, kind: type) -> Value:
    """Convert typed text. Python reads the numbers, because YAML reads 010 as 8 and 1:30 as 90."""
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    found: Value = yaml.safe_load(text) if kind is list else kind(text)
    return found


def check_overrides(overrides: Iterable[Override], pipeline: str, steps: Sequence[Step], only: str = "") -> None:
    """Refuse an override for a step that does not run, because it would change nothing.

    Parameters
    ----------
    overrides : iterable of Override
        The values for one run.
    pipeline : str
        The pipeline, for messages.
    steps : sequence of Step
        Its steps.
    only : str
        The only step that runs; empty if all run.

    Raises
    ------
    ParameterError
        If there is such an override. The message lists the steps of the pipeline, or gives the command that would use
        the value.
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
                f"`mlops run {pipeline} -p {shlex.quote(override.to_text())}` uses it."
            )
