"""The YAML files in the folder ``parameters``, which are called layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mlops.errors import ParameterError, ProblemError
from mlops.parameters.declarations import Parameter, Setting, check_value
from mlops.parameters.suggestion import suggest
from mlops.problem import Problem, load
from mlops.workspace import Workspace

SECTIONS = ("platform", "run", "kernels", "shared", "steps")
BASE = "base"
PROBLEM = "problem"  # a key that only base.yml can have
MODEL_NAME = "model_name"  # a key of the section `shared`


@dataclass(frozen=True)
class Layer:
    """One YAML file of parameters.

    Parameters
    ----------
    path : str
        The path of the file in error messages, such as "parameters/base.yml".
    platform : str
        The name of the platform that the file selects, or empty.
    problem : str
        The name of the package that declares the problem, such as "churn", or empty.
    run, shared : mapping of str to Setting
        The settings of the runner, and the values of parameters for all notebooks; both by name.
    steps : mapping of str to mapping of str to Setting
        The values of parameters for single steps, by the name of the step or of its notebook.
    kernels : mapping of str to Setting
        The settings for starting kernels.
    own : mapping of str to Setting
        The settings in the section that is named after the file, such as ``azure`` in ``azure.yml``.
    """

    path: str
    platform: str
    run: Mapping[str, Setting]
    shared: Mapping[str, Setting]
    steps: Mapping[str, Mapping[str, Setting]]
    kernels: Mapping[str, Setting] = field(default_factory=dict)
    own: Mapping[str, Setting] = field(default_factory=dict)
    problem: str = ""


class _StrictLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} appears twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read_layer(path: Path) -> Layer:
    """Read one YAML file of parameters, and return its content as a layer.

    Raises
    ------
    ParameterError
        If the file is not valid YAML, or if it has an unknown section.
    """
    name = f"{path.parent.name}/{path.name}"
    sections = read_mapping(path, name)
    allowed = (*SECTIONS, PROBLEM if path.stem == BASE else path.stem)
    for section, content in sections.items():
        if section not in allowed:
            said = f"{name}: unknown section {section!r}. Allowed: {', '.join(allowed)}."
            inside = "" if isinstance(content, dict) else " A parameter must be indented below a section."
            raise ParameterError(said + inside)
    steps = _expect_mapping(sections.get("steps"), f"{name}: steps")
    problem = str(sections.get(PROBLEM) or "")
    shared = _read_settings(sections.get("shared"), f"{name}: shared")
    return Layer(
        path=name,
        platform=str(sections.get("platform") or ""),
        problem=problem,
        run=_read_settings(sections.get("run"), f"{name}: run"),
        shared=shared | _name_model_after_problem(problem, shared, name),
        steps={step: _read_settings(values, f"{name}: steps.{step}") for step, values in steps.items()},
        kernels=_read_settings(sections.get("kernels"), f"{name}: kernels"),
        own=_read_settings(sections.get(path.stem) if path.stem != BASE else None, f"{name}: {path.stem}"),
    )


def load_problem(workspace: Workspace) -> Problem:
    """Return the problem that ``parameters/base.yml`` names.

    Raises
    ------
    ProblemError
        If the file does not name a problem, or if the problem's declaration is wrong.
    """
    return load(read_layer(workspace.parameters / f"{BASE}.yml").problem)


def _name_model_after_problem(package: str, shared: Mapping[str, Setting], name: str) -> dict[str, Setting]:
    if not package or (MODEL_NAME in shared and shared[MODEL_NAME].value):
        return {}
    try:
        return {MODEL_NAME: Setting(load(package).name, f"{name}: {PROBLEM}")}
    except ProblemError:  # commands that do not need the problem must still work
        return {}


def read_mapping(path: Path, name: str) -> dict[str, Any]:
    """Return the mapping that a YAML file contains. `name` is the name of the file in error messages.

    Raises
    ------
    ParameterError
        If the file cannot be read, if it does not contain a mapping, or if it has a duplicate key.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader) or {}
    except OSError as error:
        raise ParameterError(f"Could not read {name} ({error.strerror}). Check the path.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ParameterError(f"{name} is not valid YAML: {' '.join(str(error).split())}") from error
    return _expect_mapping(content, name)


def check_section(declared: Sequence[Parameter], given: Mapping[str, Setting]) -> dict[str, Any]:
    """Check a section of settings, and return all values by name. A missing key gets its default value.

    Raises
    ------
    ParameterError
        If a key is unknown, or if a value has a wrong type or is out of range.
    """
    known = {parameter.name: parameter for parameter in declared}
    for name, setting in given.items():
        if name not in known:
            raise ParameterError(f"{setting.source} is unknown{suggest(name, known)}")
    return {name: check_value(known[name], given.get(name, Setting(known[name].default, ""))) for name in known}


def _read_settings(values: Any, source: str) -> dict[str, Setting]:
    return {key: Setting(value, f"{source}.{key}") for key, value in _expect_mapping(values, source).items()}


def _expect_mapping(values: Any, source: str) -> dict[str, Any]:
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ParameterError(f"{source} is {values!r}, but it must be a mapping. Write `name: value` lines below it.")
    return {str(key): value for key, value in values.items()}
