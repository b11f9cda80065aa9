"""The start of a service: of the supervisor, or of a worker that loads the model itself."""

# The modules of a worker are imported in the functions. A supervisor that does not load the model needs none of them,
# and the number of threads must be chosen before numpy is imported.

import os
from argparse import Namespace

from ..collection.children import start_uploader
from ..collection.settings import Folders, find_settings
from ..connections.board import make_board
from ..connections.limits import FEWEST_FILES, raise_open_files
from ..connections.listener import bind
from ..failures import StartFailed
from ..telemetry.opening import start_sender
from ..telemetry.settings import CONNECTION_STRING
from .configuration import read_configuration
from .memory import choose_limit, limit_memory
from .starting import METRICS, Channels, can_fork, describe_process, restart_apart, start_fork, start_program
from .supervisor import Supervisor

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# The environment gives the defaults, because the servers of older images refuse unknown options.
WORKERS, MEMORY, RESTARTS = "SERVING_WORKERS", "SERVING_WORKER_MEMORY", "SERVING_RESTARTS"


def list_worker_options() -> list[tuple[str, type, int, str]]:
    """Return the name, type, default and help text of each option for the workers."""
    return [
        ("--workers", int, int(os.environ.get(WORKERS, "1")), "processes that answer requests"),
        (
            "--worker-memory",
            int,
            int(os.environ.get(MEMORY, "0")),
            "megabytes that a worker can use before it is replaced; 0 for 80 %% of the machine, shared by the workers",
        ),
        (
            "--restarts",
            int,
            int(os.environ.get(RESTARTS, "5")),
            "workers that can die within a minute; after more, the service is not ready for a minute",
        ),
    ]


def supervise(options: Namespace, *, apart: bool) -> int:
    """Run the supervisor of a service, and return its exit code.

    Parameters
    ----------
    options : Namespace
        The options of ``python -m serving``.
    apart : bool
        Whether each worker is a program of its own. Otherwise, the workers are forks: they share a model that the
        supervisor loads or, if the record of the model says that loading starts threads, each loads its own. If forks
        turn out to be unsafe, this program starts again with `apart`.

    Raises
    ------
    StartFailed
        If the service cannot start.
    """
    # The scoring script and the uploader do not need the connection string, which is a secret.
    secrets = {name: os.environ.pop(name) for name in (CONNECTION_STRING,) if name in os.environ}
    _require_open_files(options.workers)
    for name in THREADS:  # the workers share the cores, and a fork does not copy threads
        os.environ.setdefault(name, "1")
    if not apart:
        before = describe_process()
        from ..runtimes.record import starts_threads
        from .worker import describe_model, load_model, run_worker

        shared = None if starts_threads(options.bundle / "model") else load_model(options)
        if not can_fork(before):
            os.environ.update(secrets)
            restart_apart()
    listener = bind(options.host, options.port)
    (lifeline, held), (heard, reports) = os.pipe(), os.pipe()
    settings = find_settings()
    configuration = read_configuration(options.keys, settings).store()
    channels = Channels(listener, lifeline, reports, configuration, make_board(options.workers))
    limit = choose_limit(options.worker_memory, options.workers)
    folders = Folders(options.bundle, options.ready.with_name(METRICS))

    def start(number: int, failing: bool) -> int:
        if apart:
            return start_program(number, channels, failing=failing)

        def work() -> None:
            os.close(held)
            with limit_memory(limit):
                model = describe_model(options) if failing else shared or load_model(options)
                run_worker(options, model, channels)

        return start_fork(number, work)

    sender = start_sender(*folders, secrets.get(CONNECTION_STRING, ""))
    return Supervisor(options, channels, heard, limit, start_uploader(settings, folders), sender, start).run()


def work_apart(options: Namespace, channels: Channels, *, failing: bool) -> None:
    """Load the model and answer requests, as a worker that is a program of its own."""
    from .worker import describe_model, load_model, run_worker

    with limit_memory(choose_limit(options.worker_memory, options.workers)):
        run_worker(options, describe_model(options) if failing else load_model(options), channels)


def _require_open_files(workers: int) -> None:
    needed, allowed = FEWEST_FILES + 4 * workers, raise_open_files()  # the board has four sockets per worker
    if allowed < needed:
        raise StartFailed(
            f"This process may open {allowed} files, but the service needs {needed}. Raise the hard limit: "
            f"`ulimit -Hn {needed}`."
        )
