"""The limit of a worker's memory."""

# The supervisor replaces a worker that uses too much memory, and the worker first answers the requests that have begun.
# So a slow leak costs no request. A limit of the operating system for a process (RLIMIT_AS, RLIMIT_DATA) also counts
# memory that was reserved but is not used, and a process at such a limit does not end: each request then fails. So this
# limit is twice as high, and only stops a single request that asks for very much memory, which then gets an error.

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..failures import StartFailed
from ..metrics.processes import PAGE

SHARE = 0.8  # all workers together can use this share of the machine's memory


def choose_limit(megabytes: int, workers: int) -> int:
    """Return a worker's memory limit in bytes: `megabytes` or, if that is 0, a share of the machine's memory."""
    if megabytes:
        return megabytes << 20
    return int(os.sysconf("SC_PHYS_PAGES") * PAGE * SHARE / workers)


@contextmanager
def limit_memory(limit: int) -> Iterator[None]:
    """Let this process reserve at most 2 * `limit` bytes. The supervisor replaces a worker that uses over `limit`.

    Raises
    ------
    StartFailed
        If the ``with`` block fails because of this limit.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = 2 * limit if hard == resource.RLIM_INFINITY else min(2 * limit, hard)
    with suppress(ValueError, OSError):  # macOS refuses some values
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        yield
    except MemoryError as error:
        said = f"A worker needs more than {most >> 20} MB of memory, which is twice its limit. Raise the limit."
        raise StartFailed(said) from error
