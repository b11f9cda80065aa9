"""Overrides: values for one run, which win over every layer.

A person types one as ``-p step.name=value``, and only `read_override` parses that text. The engine creates others from
typed values (``--force``, the registered data set), without converting them to text.
"""

import json
import re
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
        The step's name, its notebook's name without the number, or `SHARED`.
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
                value = _read_text(text, type(parameter.default))
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
        If the text has another form.
    """
    found = re.fullmatch(r"([\w-]+)\.(\w+)=(.*)", text, re.DOTALL)
    if not found:
        raise ParameterError(
            f"-p {text} is not of the form step.name=value. `mlops run --help` lists the steps and their parameters."
        )
    return Override(found[1], found[2], found[3], f"-p {found[1]}.{found[2]}", is_typed_text=True)


def _read_text(text: str, kind: type) -> Value:
    """Convert typed text. Python reads the numbers, because YAML reads 010 as 8 and 1:30 as 90."""
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    found: Value = yaml.safe_load(text) if kind is list else kind(text)
    return found


def check_overrides(overrides: Iterable[Override], pipeline: str, steps: Sequence[Step]) -> None:
    """Refuse an override for a step that the pipeline does not have, because it would change nothing.

    Raises
    ------
    ParameterError
        If there is one; the message lists the pipeline's steps.
    """
    names = list(dict.fromkeys(name for step in steps for name in (step.notebook_name, step.name)))
    for override in overrides:
        if override.step not in (SHARED, *names):
            raise ParameterError(
                f"{override.source}: the pipeline {pipeline} has no step {override.step!r}"
                f"{suggest(override.step, names)}"
            )
