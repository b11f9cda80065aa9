"""The options with which a parent of warm kernels is started, and the requests to it."""

import os
import resource
import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlops.kernels.messages import MessageError

KERNEL, COMMAND = "kernel", "command"
LIMITS = sorted(name for name in dir(resource) if name.startswith("RLIMIT_"))
ALWAYS_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)  # Python ignores these signals when it starts


@dataclass(frozen=True)
class Order:
    """The options with which a parent of warm kernels is started.

    Parameters
    ----------
    listener : int
        The file descriptor of the socket on which the parent listens.
    path : str
        The path of that socket.
    preload : list of str
        The modules to import.
    own : list of str
        The packages of the engine and of the project, whose files may be edited while the parent runs.
    import_seconds : float
        The time limit for all imports, in seconds.
    idle_seconds : float
        The idle time, in seconds, after which the parent ends.
    owner : int
        The id of a process. When it ends, the parent must end, too. 0 if there is no such process.
    """

    listener: int
    path: str
    preload: Sequence[str]
    own: Sequence[str]
    import_seconds: float
    idle_seconds: float
    owner: int


@dataclass(frozen=True)
class Request:
    """A request to a parent of warm kernels to fork a process.

    Parameters
    ----------
    kind : str
        The kind of the process: "kernel" or "command".
    argv : list of str
        The whole command line: the interpreter with its options, the module and its arguments.
    entry : str
        The function that a command runs, as "module:function"; empty for a kernel.
    directory : str
        The working directory of the process.
    environ : mapping of str to str
        The environment of the process.
    umask : int
        The file mode creation mask of the process.
    ignored : list of int
        The numbers of the signals that the process ignores.
    limits : mapping of str to list of int
        The soft and the hard limit of each resource, by name, such as "RLIMIT_NOFILE".
    needs : list of str, optional
        The packages that the kernel's notebook imports. None if they are unknown.
    expected : list of str
        The packages that later kernels will probably need.
    """

    kind: str
    argv: list[str]
    entry: str
    directory: str
    environ: Mapping[str, str]
    umask: int
    ignored: list[int]
    limits: Mapping[str, list[int]]
    needs: list[str] | None = None
    expected: Sequence[str] = ()


def make_request(
    kind: str,
    argv: list[str],
    directory: str,
    environ: Mapping[str, str],
    entry: str = "",
    needs: list[str] | None = None,
    expected: Sequence[str] = (),
) -> Request:
    """Return a request for a process with the same umask, ignored signals and resource limits as this process."""
    text = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    ignored = int(status["SigIgn"], 16)
    return Request(
        kind=kind,
        argv=argv,
        entry=entry,
        directory=os.path.abspath(directory),
        environ=dict(environ),
        umask=int(status["Umask"], 8),
        ignored=[n for n in range(1, 65) if ignored >> (n - 1) & 1 and n not in ALWAYS_IGNORED],
        limits={name: list(resource.getrlimit(getattr(resource, name))) for name in LIMITS},
        needs=needs,
        expected=list(expected),
    )


def read_request(content: Mapping[str, Any]) -> Request:
    """Return the request in the content of a message.

    Raises
    ------
    MessageError
        If the message is not a valid request.
    """
    try:
        request = Request(**{name: value for name, value in content.items() if name != "ask"})
        whole = (
            request.kind in (KERNEL, COMMAND)
            and isinstance(request.directory, str)
            and isinstance(request.entry, str)
            and isinstance(request.umask, int)
            and len(request.argv) > 0
            and all(isinstance(word, str) for word in (*request.argv, *request.environ, *request.environ.values()))
            and all(isinstance(number, int) for number in request.ignored)
            and all(name in LIMITS and len(limit) == 2 for name, limit in request.limits.items())
            and all(isinstance(name, str) for name in (*(request.needs or ()), *request.expected))
        )
    except (TypeError, AttributeError) as error:
        raise MessageError(f"the message is not a request: {error}") from error
    if not whole:
        raise MessageError("the message is not a valid request for a kernel or a command")
    return request


def write_request(request: Request) -> dict[str, Any]:
    """Return the content of a message that carries this request."""
    return {"ask": "fork", **asdict(request)}
