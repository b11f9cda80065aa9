"""The execution of functions on the workers of a Dask cluster."""

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from mlops.cluster.connection import (
    OPTION,
    WORKER_SECONDS,
    connect,
    count_threads,
    explain_disconnection,
    explain_loss,
)
from mlops.cluster.parts import Part
from mlops.errors import ClusterError, UsageError, quote_cause
from mlops.files.disk import FULL
from mlops.files.hashes import hash_folder, hash_listing

if TYPE_CHECKING:
    from distributed import Client

PACKAGES = ("numpy", "pandas", "polars", "pyarrow")  # the packages that read values and hash rows
ENGINE = Path(__file__).parents[1]
SOURCES = ("cluster", "data", "problem")  # the folders with the code that tasks need
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


class Handle(Protocol[Result_co]):
    """A reference to the result of a function that runs on a worker. The result stays on the worker."""

    def result(self, timeout: float | None = None) -> Result_co:
        """Wait for the result of the function and return it. Raise TimeoutError after `timeout` seconds."""


class Workers(Protocol):
    """The worker processes of a cluster, on which functions can be started."""

    def submit(self, function: Callable[..., Result], *arguments: object) -> Handle[Result]:
        """Start a function on one of the workers, and return a handle to its result.

        If an argument is a handle or a list of handles, the function gets the results that the handles refer to.
        """

    def collect(self, handles: Sequence[Handle[Result]]) -> list[Result]:
        """Wait for the results of several functions and return them. If any failed, raise the first error."""


@dataclass(frozen=True)
class Place:
    """A cluster: the option or parameter that gave its address, the address, and the versions that its workers need."""

    source: str
    address: str
    versions: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.source} {self.address}"


class DaskWorkers:
    """The workers of a Dask cluster; see `Workers`.

    Parameters
    ----------
    client : Client
        The connection to the scheduler, from `mlops.cluster.connection.connect`.
    address, source : str
        The address of the scheduler, and the option or parameter that gave the address. Error messages name both.

    Raises
    ------
    UsageError
        If the scheduler has no workers, or if the project's packages are not installed on the scheduler or a worker.
    ClusterError
        If the connection to the scheduler is lost.
    """

    def __init__(self, client: "Client", address: str, source: str = OPTION) -> None:
        self._client, self._place = client, Place(source, address, describe_versions())
        # The scheduler and the workers import the functions of tasks. A worker that cannot do so would end at its first
        # task.
        with self._explain_errors():
            count_threads(client, address, source)
            found = {"the scheduler": client.run_on_scheduler(make_probe()), **client.run(make_probe())}
        for place, module in found.items():
            if module:
                name = place if place == "the scheduler" else f"the worker {place}"
                raise UsageError(f"{self._place}: {name} has no module {module!r}. Install this project there.")

    @property
    def is_connected(self) -> bool:
        """True if the scheduler is connected."""
        return bool(self._client.status != "closed")

    def submit(self, function: Callable[..., Result], *arguments: object) -> Handle[Result]:
        """See `Workers`."""
        with self._explain_errors():
            handle: Handle[Result] = self._client.submit(run_task, self._place, function, *arguments, pure=False)
            return handle

    def collect(self, handles: Sequence[Handle[Result]]) -> list[Result]:
        """See `Workers`."""
        with self._explain_errors():
            return [self._wait(handle) for handle in handles]

    def _wait(self, handle: Handle[Result]) -> Result:
        alone = 0
        while True:
            try:
                return handle.result(WORKER_SECONDS)
            except TimeoutError:
                alone = 0 if self._client.nthreads() else alone + 1
            if alone > 1:  # not at the first timeout, because a worker may be restarting
                raise ClusterError(
                    f"{self._place}: the scheduler no longer has workers. Start some with "
                    f"`dask worker {self._place.address}`, and run this again."
                )

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        from distributed import KilledWorker

        if not self.is_connected:
            raise explain_loss(str(self._place))
        try:
            with explain_disconnection(str(self._place)):
                yield
        except KilledWorker as error:
            raise ClusterError(
                f"{self._place}: the workers died while they read the data, the last one at "
                f"{error.last_worker.address}. Start workers with more memory, or write the data to smaller files."
            ) from error


@contextmanager
def open_workers(address: str, source: str = OPTION) -> Iterator[DaskWorkers]:
    """Provide the workers of a Dask cluster, within a ``with`` statement, and disconnect from it at the end.

    Raises
    ------
    UsageError
        If no scheduler answers at the address, or if the cluster cannot run this project.
    ClusterError
        If the connection to the scheduler is lost.
    """
    client = connect(address, source)
    try:
        yield DaskWorkers(client, address, source)
    finally:
        client.close()  # cancels running tasks, too


def make_probe() -> Callable[[], str]:
    """Return a function that imports what tasks need. That function returns the name of a missing module, or ""."""
    # Dask sends a nested function to the workers as code, but any other function as the name of its module, which a
    # worker without this project could not import.

    def probe() -> str:
        try:
            from mlops.cluster import selection  # noqa: F401  # with the next line, all that tasks import
            from mlops.data import scan  # noqa: F401
        except ModuleNotFoundError as error:
            return error.name or str(error)
        return ""

    return probe


@lru_cache(maxsize=1)
def describe_versions() -> dict[str, str]:
    """Return, by name, the versions of Python, of the packages that tasks use, and of this project's sources."""
    sources = hash_listing({name: hash_listing(hash_folder(ENGINE / name)) for name in SOURCES})
    python = ".".join(platform.python_version_tuple()[:2])
    return {"Python": python, **{name: version(name) for name in PACKAGES}, "mlops": sources[:12]}


def run_task(place: Place, function: Callable[..., Result], *arguments: object) -> Result:
    """Run a function on this worker of a cluster, and return its result.

    Raises
    ------
    UsageError
        If the versions on the worker differ from those on the machine that started the task, or if the worker cannot
        read a file.
    ClusterError
        If the worker's disk is full, or if a function without a `Part` as an argument raises OSError or ImportError.
    """
    found = describe_versions()
    for name, wanted in place.versions.items():
        if found.get(name) != wanted:
            raise UsageError(
                f"{place}: the worker {_name_worker()} has {name} {found.get(name)}, but this machine has {wanted}. "
                "Install the same version on both."
            )
    try:
        return function(*arguments)
    except (OSError, ImportError) as error:
        part = next((argument for argument in arguments if isinstance(argument, Part)), None)
        said = (error.strerror if isinstance(error, OSError) else "") or quote_cause(error)
        if part is None or (isinstance(error, OSError) and error.errno in FULL):
            raise ClusterError(
                f"{place}: the worker {_name_worker()} failed ({said}). Repair the worker, and run this again."
            ) from error
        raise UsageError(
            f"{place}: the worker {_name_worker()} cannot read {part.location} ({said}). "
            "Put the data on a file system, or at a URL, that every worker can read."
        ) from error


def _name_worker() -> str:
    from distributed import get_worker

    return str(get_worker().address)
