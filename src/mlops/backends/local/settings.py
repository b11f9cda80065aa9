"""The settings of one machine: the section ``local`` of ``parameters/local.yml``, and the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

from mlops.errors import UsageError
from mlops.parameters.declarations import Parameter
from mlops.parameters.layers import check_section
from mlops.parameters.platform_section import declare, read_platform_section
from mlops.workspace import Workspace

PORTS = "[0, 65535]"


@dataclass(frozen=True)
class LocalSettings:
    """The ports of this machine's services; each is declared here, and ``parameters/local.yml`` lists them all."""

    qa_port: int = declare(0, "port of the service in qa; 0: any free one, kept from then on", PORTS)
    production_port: int = declare(0, "port of the service in production; 0: any free one, kept from then on", PORTS)

    def find_port(self, environment: str) -> int:
        """Return the port that an environment's service is to have; 0 for any free one."""
        return {"qa": self.qa_port, "production": self.production_port}[environment]


DECLARED = tuple(Parameter(setting.name, setting.default, **setting.metadata) for setting in fields(LocalSettings))


def read_settings(workspace: Workspace, environ: Mapping[str, str] | None = None) -> LocalSettings:
    """Read the settings: the file's, and over them those of the environment.

    Parameters
    ----------
    workspace : Workspace
        The project.
    environ : mapping, optional
        The environment; this process's by default. ``MLOPS_LOCAL_QA_PORT`` sets ``qa_port``.

    Raises
    ------
    ParameterError
        For an unknown key, a wrong type, or a value out of range.
    UsageError
        If both services are to have the same port.
    """
    path = workspace.parameters / "local.yml"
    given = read_platform_section(path, DECLARED, os.environ if environ is None else environ)
    settings = LocalSettings(**check_section(DECLARED, given))
    if settings.qa_port == settings.production_port != 0:
        raise UsageError(
            f"{given['qa_port'].source} and {given['production_port'].source} are both {settings.qa_port}. "
            "Give each service a port of its own, or 0 for any free one."
        )
    return settings
