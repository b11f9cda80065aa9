"""The notebooks of a sweep on an existing Dask cluster.

A worker needs what this machine has: the project's packages, the project and MLOPS_HOME at the same paths (on the local
platform a file system that all share, for data and tracking are in there). It does not need the outputs: what the
notebook reads of earlier ones travels with the task, and its executed copy comes back.
"""

import json
import os
import re
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.backends import open_backend
from mlops.errors import MlopsError, UsageError
from mlops.files import hash_file, write_atomically
from mlops.notebook.handoff import read_scraps, write_scraps
from mlops.record.redaction import make_redactor
from mlops.record.redaction.notebooks import redact_notebook
from mlops.sweeps.executors import Outcome, Task, execute_task
from mlops.workspace import Workspace, find_workspace

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 5
WORKER_SECONDS = 10


@dataclass(frozen=True)
class Parcel:
    """What a worker is sent with each task: where it works, and what the notebook reads of others, by file name.

    That is a kilobyte or two. Scattered data would be lost with the last worker that holds it, and the result of a task
    would draw the notebooks to the worker that has it.
    """

    platform: str
    project: str
    home: str
    inputs: Mapping[str, Mapping[str, Any]]


class Cluster:
    """A Dask cluster. If a worker dies, Dask gives its notebooks to others, and gives one up that has killed several.

    Parameters
    ----------
    address : str
        Of its scheduler: "tcp://10.0.0.7:8786".
    workspace : Workspace
        The project here.
    platform : str
        Where the notebooks record what they do.

    Raises
    ------
    UsageError
        If Dask is not installed here, nobody answers at the address, no worker is there, or one works elsewhere.
    """

    def __init__(self, address: str, workspace: Workspace, platform: str) -> None:
        self._address, self._workspace, self._platform = address, workspace, platform
        self._client = _connect(address)
        try:
            self.workers = self._check_workers()
        except BaseException:
            self._client.close()
            raise

    def run(self, tasks: Sequence[Task], secrets: Callable[[], Iterable[str]]) -> Generator[Outcome, None, None]:
        """See `Executor`; a notebook that a worker has begun when the sweep is cut off goes on there, unheard."""
        from distributed import as_completed

        parcel = self._make_parcel(tasks[0])
        by_future = {}
        try:
            for task in tasks:
                small = replace(task, output=Path(task.output.name))
                key = f"{task.output.parent.name}-{task.output.stem}"
                by_future[self._client.submit(execute_parcel, parcel, small, key=key, pure=False)] = task
            for future in as_completed(by_future, loop=self._client.loop):
                outcome, content = _gather(future, by_future[future], self._address)
                if content:
                    notebook = redact_notebook(json.loads(content), make_redactor(secrets()))
                    write_atomically(
                        by_future[future].output, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
                    )
                yield outcome
                future.release()
        finally:
            self._client.cancel([future for future in by_future if not future.done()], force=True)
            self._client.close()

    def _make_parcel(self, task: Task) -> Parcel:
        return Parcel(
            platform=self._platform,
            project=str(self._workspace.project),
            home=str(self._workspace.home),
            inputs={path.name: read_scraps(path) for path in task.output.parent.glob("*.ipynb")},
        )

    def _check_workers(self) -> int:
        """Return how many notebooks run at a time; refuse workers that would work on another project or state."""
        with suppress(TimeoutError):  # asyncio's is the same from Python 3.11 on
            self._client.wait_for_workers(1, timeout=WORKER_SECONDS)
        threads = self._client.nthreads()
        if not threads:
            raise UsageError(
                f"--scheduler {self._address}: it has no workers; start some with `dask worker {self._address}`"
            )
        try:
            with tempfile.NamedTemporaryFile(dir=self._workspace.home, prefix=".sweep-") as mark:
                found = self._client.run(look_around, str(self._workspace.project), mark.name)
                require_same(
                    self._address, self._workspace, look_around(str(self._workspace.project), mark.name), found
                )
        except ModuleNotFoundError as error:
            raise UsageError(
                f"--scheduler {self._address}: a worker has no module {error.name!r}: install the project there"
            ) from error
        return sum(threads.values())


def look_around(project: str, mark: str) -> tuple[str, bool]:
    """Say what a worker sees of the project and of the state; runs there, and here for comparison."""
    base = Path(project, "parameters", "base.yml")
    return hash_file(base) if base.is_file() else "", Path(mark).is_file()


def require_same(
    address: str, workspace: Workspace, here: tuple[str, bool], found: Mapping[str, tuple[str, bool]]
) -> None:
    """Refuse workers that see something else than this machine does.

    Raises
    ------
    UsageError
        Naming the first such worker.
    """
    for worker, there in found.items():
        if tuple(there) != here:
            raise UsageError(
                f"--scheduler {address}: the worker {worker} does not see {workspace.project} or {workspace.home} as "
                "they are here: workers need both at the same paths, on a file system that all share"
            )


def execute_parcel(parcel: Parcel, task: Task) -> tuple[Outcome, bytes]:
    """Execute one notebook on a worker, in a scratch folder; return how it ended, and its executed copy."""
    os.environ["MLOPS_HOME"] = parcel.home  # where the kernels look
    os.chdir(parcel.project)
    with tempfile.TemporaryDirectory(prefix=f"mlops-sweep-{os.getpid()}-") as scratch:
        folder = Path(scratch)
        for name, values in parcel.inputs.items():
            write_scraps(folder / name, values)
        output = folder / task.output
        told = {"run_folder": str(folder)} if "run_folder" in task.parameters else {}
        here = replace(task, output=output, parameters={**task.parameters, **told})
        outcome = execute_task(here, open_backend(parcel.platform, find_workspace()).secrets.list_values)
        return outcome, output.read_bytes() if output.is_file() else b""


def _connect(address: str) -> "Client":
    if not re.fullmatch(r"(tcp|tls)://[^/\s]+:\d+/?", address):
        raise UsageError(f"--scheduler {address}: write the address as the scheduler prints it: tcp://10.0.0.7:8786")
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise UsageError(
            "--scheduler needs Dask, which is not installed: pip install 'notebook-mlops[dask]'"
        ) from error
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(
            f"--scheduler {address}: no Dask scheduler answers there within {CONNECT_SECONDS} s ({reason}); "
            "start one with `dask scheduler`, and give the address that it prints"
        ) from error


def _gather(future: Any, task: Task, address: str) -> tuple[Outcome, bytes]:
    """Return what came of a task; that its worker, or the cluster, died is an outcome, too."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    try:
        outcome, content = future.result()
    except KilledWorker as error:
        return Outcome(task.number, error=f"its worker died each time it was tried ({error.last_worker.address})"), b""
    except CancelledError:
        return Outcome(task.number, error=f"Dask has cancelled it: the scheduler at {address} is gone"), b""
    except (MlopsError, OSError) as error:
        return Outcome(task.number, error=f"on a worker: {type(error).__name__}: {error}"), b""
    return outcome, content
