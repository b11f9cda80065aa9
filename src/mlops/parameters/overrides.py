"""Overrides: values that are given for one run, stronger than every layer.

A person types one as ``-p step.name=value``; `read_override` is the only reader of that text. The engine makes the
others from values that it has (``--force``, the registered data set), and no text is made of those in between.
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
from mlops.pipelines import Step

Value = bool | int | float | str | list[object]


@dataclass(frozen=True)
class Override:
    """A value that is given to one parameter for one run.

    Parameters
    ----------
    step : str
        The step's name, its notebook's name without the number, or `SHARED`.
    name : str
        The parameter.
    value : bool, int, float, str or list
        The value; where a person has typed it, the text.
    source : str
        Where it comes from, for errors: "-p train.alpha".
    is_typed_text : bool
        True: `value` is text, to be read in the type of the parameter.
    """

    step: str
    name: str
    value: Value
    source: str
    is_typed_text: bool = False

    def as_setting(self, parameter: Parameter) -> Setting:
        """Return the value in the type of a parameter; text that cannot be read stays text, for the check to refuse."""
        if not self.is_typed_text:
            return Setting(self.value, self.source)
        value, text = self.value, str(self.value)
        if not isinstance(parameter.default, str):
            with suppress(ValueError, yaml.YAMLError):
                value = _read_text(text, type(parameter.default))
        return Setting(value, self.source, repr(text))

    def to_text(self) -> str:
        """Return the text that `read_override` reads, for the command line of another process."""
        text = self.value if isinstance(self.value, str) else json.dumps(self.value)
        return f"{self.step}.{self.name}={text}"


def read_override(text: str) -> Override:
    """Read a ``-p step.name=value``.

    Raises
    ------
    ParameterError
        If it is not written like that.
    """
    found = re.fullmatch(r"([\w-]+)\.(\w+)=(.*)", text, re.DOTALL)
    if not found:
        raise ParameterError(f"-p {text}: write it as step.name=value, for example train.alpha=0.1")
    return Override(found[1], found[2], found[3], f"-p {found[1]}.{found[2]}", is_typed_text=True)


def _read_text(text: str, kind: type) -> Value:
    """Read typed text; numbers are not read by YAML, because it reads 010 as 8 and 1:30 as 90."""
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    found: Value = yaml.safe_load(text) if kind is list else kind(text)
    return found


def check_overrides(overrides: Iterable[Override], pipeline: str, steps: Sequence[Step]) -> None:
    """Refuse an override for a step that the pipeline does not have: it would change nothing.

    Raises
    ------
    ParameterError
        Naming the steps that it has.
    """
    names = list(dict.fromkeys(name for step in steps for name in (step.notebook_name, step.name)))
    for override in overrides:
        if override.step not in (SHARED, *names):
            raise ParameterError(
                f"{override.source}: the pipeline {pipeline} has no step {override.step!r}"
                f"{suggest(override.step, names)}"
            )
