"""Parameters: declared in each notebook's ``parameters`` cell, given values by layered YAML and by ``-p``.

A declaration is a literal with a comment that says what it is, and what values it may take:

.. code-block:: python

    alpha = 0.4           # ridge penalty, no unit; in [0, inf)
    environment = "qa"    # where to deploy; one of: qa, production

The layers, weakest first: the notebook's own literal, ``base.yml``, ``<platform>.yml``, ``<environment>.yml`` for the
steps of that environment, ``-p``. Everything is checked before anything runs.
"""

import ast
import difflib
import io
import json
import math
import re
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlops.errors import ParameterError
from mlops.pipelines import Step

# What the runner itself tells a notebook, where the notebook declares it; no file and no -p may set these.
RESERVED = ("platform", "environment", "run_folder")
SECTIONS = ("platform", "run", "shared", "steps")
SECRET_NAME = re.compile(r"(^|_)(password|passwd|secret|token|credential|connection_string|api_key|account_key)s?($|_)")
INTERVAL = re.compile(r"\bin ([\[(])\s*(-?[\w.]+)\s*,\s*(-?[\w.]+)\s*([\])])")
OPTIONS = re.compile(r"\bone of: ([\w-]+(?:, [\w-]+)*)")
KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list"}


@dataclass(frozen=True)
class Parameter:
    """A parameter as its notebook declares it.

    Parameters
    ----------
    name : str
        Its name.
    default : bool, int, float, str or list
        The literal; its type is the parameter's type.
    comment : str
        What it is.
    interval : str
        The values that a number may take, as "[0, inf)"; empty for any.
    options : tuple of str
        The values that a text may take; empty for any.
    """

    name: str
    default: Any
    comment: str = ""
    interval: str = ""
    options: tuple[str, ...] = ()

    def describe(self) -> str:
        """Say which values are allowed: "a number in [0, inf)"."""
        if self.options:
            return "one of " + ", ".join(self.options)
        return KINDS[type(self.default)] + (f" in {self.interval}" if self.interval else "")


RUN_SETTINGS = (Parameter("step_timeout_minutes", 10.0, "a step that takes longer is ended", "(0, 1440]"),)


@dataclass(frozen=True)
class Setting:
    """A value that one layer gives, and where: for the error that may have to name it."""

    value: Any
    source: str


@dataclass(frozen=True)
class Layer:
    """One YAML file of parameters.

    Parameters
    ----------
    path : str
        As errors name it: "parameters/base.yml".
    platform : str
        The platform that it chooses; empty where it says nothing.
    run, shared : mapping of str to Setting
        The runner's settings; values for every notebook that declares the name.
    steps : mapping of str to mapping of str to Setting
        Values by step name (or notebook name without its number).
    """

    path: str
    platform: str
    run: Mapping[str, Setting]
    shared: Mapping[str, Setting]
    steps: Mapping[str, Mapping[str, Setting]]


class _StrictLoader(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error, not a silent overwriting."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read_declarations(notebook: Path) -> dict[str, Parameter]:
    """Read the ``parameters`` cell of a notebook.

    Parameters
    ----------
    notebook : Path
        The notebook file.

    Returns
    -------
    dict of str to Parameter
        By name, in the order of the cell; empty where the notebook has no such cell.

    Raises
    ------
    ParameterError
        If a line of the cell is not ``name = literal``.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    if not tagged:
        return {}
    source = "".join(tagged[0]["source"])
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    return {
        parameter.name: parameter
        for parameter in (_read_declaration(line, comments, notebook) for line in ast.parse(source).body)
    }


def _read_declaration(line: ast.stmt, comments: Mapping[int, str], notebook: Path) -> Parameter:
    target = line.targets[0] if isinstance(line, ast.Assign) else None
    try:
        if not isinstance(line, ast.Assign) or not isinstance(target, ast.Name):
            raise ValueError
        default = ast.literal_eval(line.value)
    except ValueError:
        text = ast.unparse(line)
        raise ParameterError(f"{notebook}: {text!r} in the parameters cell is not `name = literal`") from None
    if type(default) not in KINDS:
        raise ParameterError(f"{notebook}: the parameter {target.id} has the default {default!r}; use text or a number")
    comment = comments.get(line.end_lineno or 0, "")
    interval, options = INTERVAL.search(comment), OPTIONS.search(comment)
    return Parameter(
        name=target.id,
        default=default,
        comment=comment,
        interval="{}{}, {}{}".format(*interval.groups()) if interval else "",
        options=tuple(options[1].split(", ")) if options else (),
    )


def check_value(parameter: Parameter, setting: Setting) -> Any:
    """Return the value that `setting` gives `parameter`, in the parameter's type.

    Raises
    ------
    ParameterError
        If it is of another type, or not among the allowed values.
    """
    value, kind = setting.value, type(parameter.default)
    if kind is float and not isinstance(value, bool):
        with suppress(TypeError, ValueError):
            value = float(value)  # YAML 1.1 reads 1e-3 as text
    allowed = type(value) is kind and not (isinstance(value, float) and math.isnan(value))
    if allowed and parameter.options:
        allowed = value in parameter.options
    if allowed and parameter.interval:
        allowed = _is_inside(value, parameter.interval)
    if not allowed:
        raise ParameterError(f"{setting.source}: {setting.value!r} is not allowed; it takes {parameter.describe()}")
    return value


def _is_inside(value: float, interval: str) -> bool:
    low, high = (float(bound) for bound in interval[1:-1].split(","))
    above = value >= low if interval[0] == "[" else value > low
    below = value <= high if interval[-1] == "]" else value < high
    return above and below


def read_layer(path: Path) -> Layer:
    """Read one YAML file of parameters.

    Raises
    ------
    ParameterError
        If it is not YAML, or has a section that is not known.
    """
    name = f"{path.parent.name}/{path.name}"
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader) or {}
    except yaml.YAMLError as error:
        raise ParameterError(f"{name} is not valid YAML: {' '.join(str(error).split())}") from error
    sections = _expect_mapping(content, name)
    for section in sections:
        if section not in SECTIONS:
            raise ParameterError(f"{name}: unknown section {section!r}; allowed: {', '.join(SECTIONS)}")
    steps = _expect_mapping(sections.get("steps"), f"{name}: steps")
    return Layer(
        path=name,
        platform=str(sections.get("platform") or ""),
        run=_read_settings(sections.get("run"), f"{name}: run"),
        shared=_read_settings(sections.get("shared"), f"{name}: shared"),
        steps={step: _read_settings(values, f"{name}: steps.{step}") for step, values in steps.items()},
    )


def _read_settings(values: Any, source: str) -> dict[str, Setting]:
    return {key: Setting(value, f"{source}.{key}") for key, value in _expect_mapping(values, source).items()}


def _expect_mapping(values: Any, source: str) -> dict[str, Any]:
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ParameterError(f"{source}: {values!r} is not a mapping; write `name: value` lines below it")
    return {str(key): value for key, value in values.items()}


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
    return found[1], found[2], Setting(found[3], f"-p {found[1]}.{found[2]}")


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
    for layer in layers:
        _check_names(layer, steps, declared)
    chains = {step.name: [*common, *specific.get(step.environment, [])] for step in steps}
    shared = {name: setting for layer in common for name, setting in layer.shared.items()}
    return Parameters(
        platform=platform,
        step_timeout_minutes=_read_timeout(layers),
        shared={name: setting.value for name, setting in shared.items()},
        values={
            step.name: _merge(step, chains[step.name], given, declared[step.notebook])
            | _tell(step, platform, declared[step.notebook])
            for step in steps
        },
    )


def _read_layers(folder: Path, names: Iterable[str]) -> list[Layer]:
    return [read_layer(folder / f"{name}.yml") for name in names if (folder / f"{name}.yml").is_file()]


def _read_timeout(layers: Iterable[Layer]) -> float:
    (timeout,) = RUN_SETTINGS
    found = Setting(timeout.default, "")
    for setting_name, setting in [item for layer in layers for item in layer.run.items()]:
        if setting_name != timeout.name:
            raise ParameterError(f"{setting.source} is unknown{_suggest(setting_name, [timeout.name])}")
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
        parameter = _find_parameter(step, name, setting.source, steps, declared)
        if not isinstance(parameter.default, str):
            with suppress(yaml.YAMLError):  # it stays text then, and the check says what it should be
                setting = Setting(yaml.safe_load(setting.value), setting.source)
        given.setdefault(step, {})[name] = setting
    return given


def _check_names(layer: Layer, steps: Sequence[Step], declared: Declared) -> None:
    for step, settings in layer.steps.items():
        for name, setting in settings.items():
            check_value(_find_parameter(step, name, setting.source, steps, declared), setting)
    everywhere = sorted({name for parameters in declared.values() for name in parameters} - set(RESERVED))
    for name, setting in layer.shared.items():
        _refuse_reserved(name, setting.source)
        if name not in everywhere:
            raise ParameterError(f"{setting.source}: no notebook declares it{_suggest(name, everywhere)}")


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
