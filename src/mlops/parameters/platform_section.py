"""The settings of a platform, from its parameter file and from environment variables. The variables have priority."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from mlops.parameters.declarations import Parameter, Setting
from mlops.parameters.layers import read_layer

Value = TypeVar("Value", str, int, float)


def declare(
    default: Value, comment: str, interval: str = "", *, options: tuple[str, ...] = (), pattern: str = ""
) -> Value:
    """Return a dataclass field that declares a setting of a platform. The arguments are those of `Parameter`."""
    allowed = {"comment": comment, "interval": interval, "options": options, "pattern": pattern}
    return field(default=default, metadata=allowed)


def read_platform_section(path: Path, declared: Sequence[Parameter], environ: Mapping[str, str]) -> dict[str, Setting]:
    """Read a project's settings for a platform, without checking them.

    Parameters
    ----------
    path : Path
        The parameter file of the platform, such as ``parameters/local.yml``. It may be missing.
    declared : sequence of Parameter
        All settings of the platform.
    environ : mapping
        The environment variables: ``MLOPS_LOCAL_QA_PORT`` sets ``qa_port`` of the platform ``local``.

    Returns
    -------
    dict of str to Setting
        The values with their sources, by name. Values with unknown names are included.

    Raises
    ------
    ParameterError
        If the parameter file is not valid.
    """
    given = dict(read_layer(path).own) if path.is_file() else {}
    prefix = f"MLOPS_{path.stem.upper()}_"
    texts = {parameter.name: isinstance(parameter.default, str) for parameter in declared}
    for variable, value in environ.items():
        name = variable.removeprefix(prefix).lower()
        if value and variable.startswith(prefix):
            given[name] = Setting(value if texts.get(name, True) else _read_number(value), variable, value)
    return given


def _read_number(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return text  # not a number, so `check_section` reports an error
