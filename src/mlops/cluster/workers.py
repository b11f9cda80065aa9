"""Functions on the workers of a Dask cluster."""

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from mlops.cluster.connection import OPTION, WORKER_SECONDS, connect, count_threads
from mlops.cluster.parts import Part
from mlops.errors import ClusterError, UsageError, quote_cause
from mlops.files.hashes import hash_folder, hash_listing

if TYPE_CHECKING:
    from distributed import Client

PACKAGES = ("numpy", "pandas", "polars", "pyarrow")  # they decide how values are read, and how rows are hashed
ENGINE = Path(__file__).parents[1]
SOURCES = ("cluster", "data")
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


class Handle(Protocol[Result_co]):
    """The result of a function, which may still be on a worker. Another function can take it as an argument."""

    def result(self, timeout: float | None = None) -> Result_co:
        """Return the result; raise TimeoutError after `timeout` seconds."""


class Workers(Protocol):
    """The processes that read the parts of a data folder."""

    def submit(self, function: Callable[..., Result], *arguments: object) -> Handle[Result]:
        """Run a function on one of the workers, and keep its result there.

        Handles among the arguments, or in a list among them, are replaced with their results.
        """

    def collect(self, handles: Sequence[Handle[Result]]) -> list[Result]:
        """Return the results of functions. If several fail, raise the error of the first one in this order."""


@dataclass(frozen=True)
class Place:
    """The cluster of a task: its name in messages, and the versions that its workers must have."""

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
        The connection, from `connect`.
    address, source : str
        As for `require_address`.

    Raises
    ------
    UsageError
        If the scheduler has no workers, or lacks the project's packages.
    """

    def __init__(self, client: "Client", address: str, source: str = OPTION) -> None:
        self._client, self._place = client, Place(source, address, describe_versions())
        self.threads = count_threads(client, address, source)
        # The scheduler reads the names of functions, too. A worker that lacks one would end at its first task.
        with self._explain():
            found = {"the scheduler": client.run_on_scheduler(make_probe()), **client.run(make_probe())}
        for place, module in found.items():
            if module:
                name = place if place == "the scheduler" else f"the worker {place}"
                raise UsageError(f"{self._place}: {name} has no module {module!r}. Install this project there.")

    @property
    def is_connected(self) -> bool:
        """True if the scheduler is connected, or was until a few seconds ago."""
        return bool(self._client.status != "closed")

    def submit(self, function: Callable[..., Result], *arguments: object) -> Handle[Result]:
        """See `Workers`."""
        with self._explain():
            handle: Handle[Result] = self._client.submit(run_task, self._place, function, *arguments, pure=False)
            return handle

    def collect(self, handles: Sequence[Handle[Result]]) -> list[Result]:
        """See `Workers`."""
        with self._explain():
            return [self._wait(handle) for handle in handles]

    def _wait(self, handle: Handle[Result]) -> Result:
        alone = 0
        while True:
            try:
                return handle.result(WORKER_SECONDS)
            except TimeoutError:
                alone = 0 if self._client.nthreads() else alone + 1
            if alone > 1:  # not once: a worker that died is started again
                raise ClusterError(
                    f"{self._place}: the scheduler has no workers any more. Start some with "
                    f"`dask worker {self._place.address}`, and run this again."
                )

    @contextmanager
    def _explain(self) -> Iterator[None]:
        """Explain the errors of the cluster itself."""
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        lost = f"{self._place}: the scheduler disappeared. Start a scheduler and workers, and run this again."
        if not self.is_connected:
            raise ClusterError(lost)
        try:
            yield
        except KilledWorker as error:
            raise ClusterError(
                f"{self._place}: the workers died while they read the data, the last one at "
                f"{error.last_worker.address}. Start workers with more memory, or write the data to smaller files."
            ) from error
        except (CancelledError, OSError) as error:
            raise ClusterError(lost) from error


@contextmanager
def open_workers(address: str, source: str = OPTION) -> Iterator[DaskWorkers]:
    """Provide the workers of a cluster, for the time of a ``with`` statement; parameters as for `require_address`.

    Raises
    ------
    UsageError
        If there is no such cluster, or it cannot run this project.
    """
    client = connect(address, source)
    try:
        yield DaskWorkers(client, address, source)
    finally:
        client.close()  # which cancels the tasks that still run


def make_probe() -> Callable[[], str]:
    """Return a function that names the first missing module of this project; "" if none is missing.

    It is nested, so it travels as code. A function of a module travels as its name, which needs the module.
    """

    def probe() -> str:
        try:
            from mlops.cluster.profile import profile_folder  # noqa: F401, which imports what tasks need
        except ModuleNotFoundError as error:
            return error.name or str(error)
        return ""

    return probe


@lru_cache(maxsize=1)
def describe_versions() -> dict[str, str]:
    """Return the versions of everything that affects the numbers."""
    sources = hash_listing({name: hash_listing(hash_folder(ENGINE / name)) for name in SOURCES})
    python = ".".join(platform.python_version_tuple()[:2])
    return {"Python": python, **{name: version(name) for name in PACKAGES}, "mlops": sources[:12]}


def run_task(place: Place, function: Callable[..., Result], *arguments: object) -> Result:
    """Run a function on a worker. If it cannot, the error names the worker.

    Raises
    ------
    UsageError
        If the worker has other versions than the machine that asks, or cannot read a file.
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
        file = next((argument.location for argument in arguments if isinstance(argument, Part)), "")
        said = (error.strerror if isinstance(error, OSError) else "") or quote_cause(error)
        raise UsageError(
            f"{place}: the worker {_name_worker()} cannot read {file} ({said}). Put the data on a file system, or at a "
            "URL, that every worker can read."
        ) from error


def _name_worker() -> str:
    from distributed import get_worker

    return str(get_worker().address)
