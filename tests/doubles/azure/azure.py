"""The whole double: its services, the requests that it received, and the faults that a test asks for."""

import re
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol, TypeVar

from doubles.azure.artifacts import Artifacts
from doubles.azure.azurite import Azurite
from doubles.azure.blobs import Blobs
from doubles.azure.compute import Computes
from doubles.azure.container_registry import ContainerRegistry
from doubles.azure.datasets import Datasets
from doubles.azure.datastores import Datastores
from doubles.azure.deployments import Deployments
from doubles.azure.entra import Entra
from doubles.azure.environments import Environments
from doubles.azure.history import History
from doubles.azure.insights import Insights
from doubles.azure.key_vault import KeyVault
from doubles.azure.logs import Logs
from doubles.azure.models import Models
from doubles.azure.operations import Operations
from doubles.azure.packages import Packages
from doubles.azure.pipelines import Pipelines
from doubles.azure.routing import Drop, Exchange, Fault, Handler, Request, Response, make_error
from doubles.azure.sdk_telemetry import SdkTelemetry
from doubles.azure.snapshots import Snapshots
from doubles.azure.web_services import WebServices
from doubles.azure.workspace import Workspaces


class Service(Protocol):
    """One service of Azure, which adds its routes and has its own state."""

    def install(self, azure: "Azure") -> None:
        """Add the routes."""


Kind = TypeVar("Kind", bound=Service)


class Azure:
    """A new double of Azure.

    Parameters
    ----------
    azurite : Azurite
        The emulator that stores the blobs. It starts when a test first needs a blob.
    """

    def __init__(self, azurite: Azurite) -> None:
        self.requests: list[Exchange] = []
        self.unrouted: list[str] = []
        self.crashes: list[str] = []
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._faults: list[Fault] = []
        self.lock = threading.RLock()
        self.entra = self._install(Entra())
        self.workspaces = self._install(Workspaces())
        self.blobs = self._install(Blobs(azurite))
        self.insights = self._install(Insights())
        self.datastores = self._install(Datastores())
        self.history = self._install(History())
        self.artifacts = self._install(Artifacts())
        self.models = self._install(Models())
        self.computes = self._install(Computes())
        self.datasets = self._install(Datasets())
        self.deployments = self._install(Deployments())
        self.environments = self._install(Environments())
        self.snapshots = self._install(Snapshots())
        self._install(SdkTelemetry())
        self.logs = self._install(Logs())
        self.pipelines = self._install(Pipelines())
        self.key_vault = self._install(KeyVault())
        self.container_registry = self._install(ContainerRegistry())
        self.operations = self._install(Operations())
        self.packages = self._install(Packages())
        self.web_services = self._install(WebServices())

    def close(self) -> None:
        """End everything that is running."""
        self.pipelines.close()
        self.web_services.close()

    def _install(self, service: Kind) -> Kind:
        service.install(self)
        return service

    def route(self, method: str, pattern: str) -> Callable[[Handler], Handler]:
        """Let a handler answer requests whose whole ``host/path`` matches the pattern.

        Parameters
        ----------
        method : str
            "GET".
        pattern : str
            Regular expression; handlers read its named groups from the request. If several patterns match, the first
            one wins.
        """

        def add(handler: Handler) -> Handler:
            self._routes.append((method, re.compile(pattern), handler))
            return handler

        return add

    def fail_next(self, method: str, pattern: str, response: Response | None, *, times: int = 1) -> None:
        """Answer the next requests whose ``host/path`` contains the pattern with `response`, or drop them (None)."""
        self._faults.append(Fault(method, re.compile(pattern), response, times))

    def find_requests(self, method: str, pattern: str) -> list[Request]:
        """Return the received requests whose ``host/path`` contains the pattern, in order."""
        found = re.compile(pattern)
        return [
            exchange.request
            for exchange in self.requests
            if exchange.request.method == method and found.search(exchange.request.host + exchange.request.path)
        ]

    def answer(self, request: Request) -> Response:
        """Answer a request; called by the server, from many threads."""
        with self.lock:
            try:
                response = self._answer(request)
            except Drop:
                self.requests.append(Exchange(request, 0))
                raise
            self.requests.append(Exchange(request, response.status))
            return response

    def _answer(self, request: Request) -> Response:
        place = request.host + request.path
        for fault in self._faults:
            if fault.times and fault.method == request.method and fault.pattern.search(place):
                fault.times -= 1
                if fault.response is None:
                    raise Drop
                return fault.response
        for method, pattern, handler in self._routes:
            if method == request.method and (found := pattern.fullmatch(place)):
                try:
                    return handler(replace(request, found=found))
                except Drop:
                    raise
                except Exception:  # noqa: BLE001 - a defect of the double must fail the test, not hang the SDK
                    self.crashes.append(f"{request.method} {place}\n{traceback.format_exc()}")
                    return make_error(400, "DoubleCrashed", traceback.format_exc()[-400:])
        self.unrouted.append(f"{request.method} {place}")
        return make_error(404, "Unrouted", f"the double has no answer to {request.method} {place}")


def stamp() -> str:
    """Return the time in Azure's format."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.0000000+00:00", time.gmtime())


def pick(mapping: Mapping[str, object], *names: str) -> dict[str, object]:
    """Return the items of a mapping with these keys; a missing item is None."""
    return {name: mapping.get(name) for name in names}
