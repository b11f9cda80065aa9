"""The limits of a server: how long a client may take, and how much it may use."""

import os
import resource
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any

SPARE = 128  # file descriptors for files, the log, and connections that are being refused
FEWEST_FILES = 2 * SPARE + 64  # leaves 64 connections
USUAL_MOST_FILES = 10_240  # the highest limit that macOS accepts if the hard limit is infinite
MOST_CONNECTIONS = 10_000  # idle connections use about 6 kB each
HEAD_BYTES = 32 << 10  # browsers and proxies send up to 16 KiB
KEPT_MEMORY = 8 << 20
HELD_BYTES = 256 << 20  # 32 bodies of the largest size


def limit(default: float, text: str) -> Any:
    """Return a dataclass field for a limit, with its default and the help text of its option."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class Limits:
    """The limits of a server. Each one is an option of ``python -m serving``."""

    head_seconds: float = limit(
        10.0, "time for the head of a request to arrive, from the start of the connection or of the head"
    )
    body_seconds: float = limit(5.0, "time for the body of a request to arrive, from the end of its head")
    answer_seconds: float = limit(
        30.0, "time for a client to read a part of an answer that is too long to send at once"
    )
    # This is longer than the 60 s for which load balancers keep connections. A client whose request arrives just after
    # the end of an idle connection gets an error.
    idle_seconds: float = limit(75.0, "time between two requests of a connection")
    drain_seconds: float = limit(5.0, "time between two requests of a connection while the server shuts down")
    connections: int = limit(0, "connections at a time, as far as the limit of open files allows; 0 for up to 10,000")
    client_connections: int = limit(0, "connections of one address at a time; 0 for a quarter of all connections")
    waiting: int = limit(256, "requests that wait to be scored at a time")


DEFAULTS = Limits()


def list_options() -> list[tuple[str, type, float, str]]:
    """Return the name, type, default and help of each limit's option. The environment can set other defaults."""
    options = []
    for found in fields(Limits):
        default = getattr(DEFAULTS, found.name)
        chosen = type(default)(os.environ.get(name_variable(found.name), default))
        options.append(("--" + found.name.replace("_", "-"), type(default), chosen, found.metadata["help"]))
    return options


def name_variable(limit: str) -> str:
    """Return the environment variable that sets the default of a limit."""
    return f"SERVING_{limit.upper()}"


def keep_freed_memory() -> None:
    """Let this process keep some megabytes of freed memory for later requests; see `KEPT_MEMORY`."""
    # The C library of Linux returns freed memory of more than 128 kB to the system. Getting it again takes a tenth of
    # the time of a request with 100 rows. The limit rises to twice the size of each larger block that is freed.
    bytes(KEPT_MEMORY)


def raise_open_files() -> int:
    """Raise the limit of open files as far as possible, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (hard, USUAL_MOST_FILES):
        if soft < limit <= hard:
            with suppress(ValueError, OSError):  # on macOS, the reported hard limit cannot be set
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
                return limit
    return soft
