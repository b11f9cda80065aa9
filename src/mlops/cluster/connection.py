"""The connection to the scheduler of a Dask cluster."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mlops.errors import ClusterError, ExtraMissingError, UsageError

if TYPE_CHECKING:
    from distributed import Client

OPTION = "--scheduler"
CONNECT_SECONDS = 10
WORKER_SECONDS = 10


def require_address(address: str, source: str = OPTION) -> None:
    """Raise an error if `address` is not the address of a scheduler, or if Dask is not installed.

    Parameters
    ----------
    address : str
        The address, such as "tcp://10.0.0.7:8786".
    source : str
        The option or parameter that gave the address. The error message names it.

    Raises
    ------
    UsageError
        If `address` is not an address, or if Dask is not installed.
    """
    if not re.fullmatch(r"(tcp|tls)://[^/\s]+:\d+/?", address):
        raise UsageError(
            f"{source} {address} is not the address of a Dask scheduler. "
            "Write it as the scheduler prints it, for example tcp://10.0.0.7:8786."
        )
    try:
        found = find_spec("distributed")  # without an import, which takes 0.4 s
    except ValueError:
        found = None
    if not found:
        raise ExtraMissingError(source, "dask", "distributed")


def connect(address: str, source: str = OPTION) -> "Client":
    """Connect to a Dask scheduler, and return the client. The parameters are those of `require_address`.

    Raises
    ------
    UsageError
        If Dask is not installed, if no scheduler answers at the address, or if the address needs TLS certificates that
        Dask does not have.
    """
    require_address(address, source)
    from distributed import Client

    for name in ("distributed", "distributed.client"):  # Dask logs four tracebacks if the connection is lost
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(
            f"{source} {address}: no Dask scheduler answered within {CONNECT_SECONDS} s ({reason}). "
            "Start one with `dask scheduler`, and give the address that it prints."
        ) from error
    except TypeError as error:  # raised if Dask has no certificates
        raise UsageError(
            f"{source} {address} needs TLS certificates, but Dask's configuration names none. "
            "Set `distributed.comm.tls` there, or use a tcp:// address."
        ) from error


@contextmanager
def explain_disconnection(place: str) -> Iterator[None]:
    """Raise a `ClusterError`, whose message begins with `place`, if Dask loses the connection in the ``with`` block."""
    from concurrent.futures import CancelledError

    try:
        yield
    except (CancelledError, OSError) as error:
        raise explain_loss(place) from error


def explain_loss(place: str) -> ClusterError:
    """Return the error for a lost connection. The message begins with `place`: "--scheduler tcp://HOST:8786: ..."."""
    return ClusterError(f"{place}: the scheduler disappeared. Start a scheduler and workers, and run this again.")


def count_threads(client: "Client", address: str, source: str = OPTION) -> int:
    """Return the number of tasks that the workers of a Dask cluster can run at the same time.

    Raises
    ------
    UsageError
        If the scheduler has no workers.
    """
    with suppress(TimeoutError):  # asyncio's TimeoutError, too, which is the same class
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
    threads = client.nthreads()
    if not threads:
        raise UsageError(f"{source} {address}: the scheduler has no workers. Start some with `dask worker {address}`.")
    return sum(threads.values())
