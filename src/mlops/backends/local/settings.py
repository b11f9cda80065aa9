"""The settings of the local platform, from ``parameters/local.yml`` and environment variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from mlops.backends.collecting import CollectionSettings
from mlops.errors import UsageError
from mlops.parameters.declarations import Parameter, Setting
from mlops.parameters.layers import check_section
from mlops.parameters.platform_section import declare, read_platform_section
from mlops.serving.connections.limits import Limits, name_variable
from mlops.serving.telemetry.settings import SHARE
from mlops.serving.workers.launch import MEMORY, WORKERS
from mlops.workspace import SERVICE_ENVIRONMENTS, Workspace

PORTS = "[0, 65535]"
SECONDS = "[0.1, 86400]"
COUNTS = "[0, 1000000]"


@dataclass(frozen=True)
class WantedPort:
    """The port of a service, as chosen in the settings.

    `number` is 0 for any free port. `source` names the file or the environment variable that sets the port.
    """

    number: int = 0
    source: str = ""


@dataclass(frozen=True)
class LocalSettings(CollectionSettings):
    """The section ``local`` of ``parameters/local.yml``: the services on this machine, and what they collect."""

    qa_port: int = declare(0, "port of the service in qa; 0 to choose a free port once and keep it", PORTS)
    production_port: int = declare(
        0, "port of the service in production; 0 to choose a free port once and keep it", PORTS
    )
    environments: str = declare(
        "", "folder of the services' virtual environments, which projects can share; empty for a folder in MLOPS_HOME"
    )
    service_workers: int = declare(1, "processes that answer the requests of a service", "[1, 64]")
    service_memory_mb: int = declare(
        0,
        "megabytes that each of these processes can use before it is replaced; 0 for 80 % of the machine's memory, "
        "divided by their number",
        "[0, 10000000]",
    )
    service_head_seconds: float = declare(10.0, "seconds in which the head of a request must arrive", SECONDS)
    service_body_seconds: float = declare(5.0, "seconds in which the body of a request must arrive", SECONDS)
    service_answer_seconds: float = declare(30.0, "seconds in which a client must read a part of an answer", SECONDS)
    service_idle_seconds: float = declare(75.0, "seconds between two requests of a connection", SECONDS)
    service_drain_seconds: float = declare(5.0, "the same while the service shuts down", SECONDS)
    service_connections: int = declare(0, "connections at a time; 0 for up to 10,000", COUNTS)
    service_client_connections: int = declare(
        0, "connections of one address at a time; 0 for a quarter of all connections", COUNTS
    )
    service_waiting: int = declare(256, "requests that wait to be scored at a time", "[1, 1000000]")
    collect_url: str = declare("", "where services upload what they collect; empty for a folder in MLOPS_HOME")

    given: Mapping[str, Setting] = field(default_factory=dict, compare=False)  # the settings with their sources

    def find_port(self, environment: str) -> WantedPort:
        """Return the port for an environment's service."""
        name = f"{environment}_port"
        source = self.given[name].source if name in self.given else ""
        return WantedPort({"qa": self.qa_port, "production": self.production_port}[environment], source)

    def list_variables(self) -> dict[str, str]:
        """Return the environment variables that set the size and the limits of a server, and what it reports."""
        limits = {name_variable(name): str(getattr(self, f"service_{name}")) for name in Limits.__dataclass_fields__}
        sizes = {WORKERS: str(self.service_workers), MEMORY: str(self.service_memory_mb)}
        return {**sizes, **limits, SHARE: str(self.telemetry_share)}

    def list_of_service(self) -> dict[str, str]:
        """Return the settings that a server gets when it starts, as text. Its port is left out."""
        names = (found.name for found in DECLARED if found.name.startswith(("service_", "collect_", "telemetry_")))
        return {name: str(getattr(self, name)) for name in names}

    def name(self, setting: str) -> str:
        """Return a setting's name for messages: the source of its value, or its key if it has the default value."""
        return self.given[setting].source if setting in self.given else f"local.{setting} in parameters/local.yml"

    def find_environments(self, workspace: Workspace) -> Path:
        """Return the folder of the services' virtual environments."""
        given = Path(self.environments).expanduser()
        return workspace.project / given if self.environments else workspace.home / SERVICE_ENVIRONMENTS


DECLARED = tuple(
    Parameter(setting.name, setting.default, **setting.metadata)
    for setting in fields(LocalSettings)
    if setting.metadata
)


def read_settings(workspace: Workspace, environ: Mapping[str, str] | None = None) -> LocalSettings:
    """Return the settings from ``parameters/local.yml`` and the environment variables, which take precedence.

    Parameters
    ----------
    workspace : Workspace
        The project.
    environ : mapping, optional
        The environment variables, by default those of this process. The variable for ``qa_port`` is
        ``MLOPS_LOCAL_QA_PORT``.

    Raises
    ------
    ParameterError
        If a key is unknown, or a value has a wrong type or is out of range.
    UsageError
        If both services have the same port.
    """
    path = workspace.parameters / "local.yml"
    given = read_platform_section(path, DECLARED, os.environ if environ is None else environ)
    settings = LocalSettings(**check_section(DECLARED, given), given=given)
    if settings.qa_port == settings.production_port != 0:
        raise UsageError(
            f"{given['qa_port'].source} and {given['production_port'].source} are both {settings.qa_port}. "
            "Give each service its own port, or 0 for any free port."
        )
    return settings
