"""An executor on an existing Dask cluster."""

# A worker needs the project's packages, and the project and MLOPS_HOME at the same paths as on this machine. On the
# local platform, both folders must be on a shared file system. A worker does not need the folder `outputs/`.

import json
import os
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlops.backends import open_backend
from mlops.cluster.connection import OPTION, connect, count_threads, explain_disconnection
from mlops.errors import MlopsError, UsageError
from mlops.files.atomic import write_atomically
from mlops.files.hashes import hash_file
from mlops.parameters.lookup import RUN_FOLDER
from mlops.record.redaction import make_redactor
from mlops.record.redaction.notebooks import redact_notebook
from mlops.scraps import read_scraps, write_scraps
from mlops.sweeps.executors import Outcome, Task, execute_task
from mlops.workspace import Workspace, find_workspace


@dataclass(frozen=True)
class Parcel:
    """The data that a worker gets with each task: the folders, and the results of earlier notebooks by file name."""

    platform: str
    project: str
    home: str
    inputs: Mapping[str, Mapping[str, Any]]


class Cluster:
    """An executor on a Dask cluster.

    Parameters
    ----------
    address : str
        The address of the scheduler, such as "tcp://10.0.0.7:8786".
    workspace : Workspace
        The folders of the project on this machine.
    platform : str
        The name of the platform, such as "local".

    Raises
    ------
    UsageError
        If Dask is not installed, if no scheduler answers at the address, if the scheduler has no workers, or if a
        worker does not see the same files as this machine.
    ClusterError
        If the connection to the scheduler is lost.
    """

    def __init__(self, address: str, workspace: Workspace, platform: str) -> None:
        self._address, self._workspace, self._platform = address, workspace, platform
        self._client = connect(address)
        try:
            self.workers = self._check_workers_and_count_threads()
        except BaseException:
            self._client.close()
            raise

    def run(self, tasks: Sequence[Task], secrets: Callable[[], Iterable[str]]) -> Generator[Outcome, None, None]:
        """See `mlops.sweeps.executors.Executor`."""
        from distributed import as_completed

        parcel = self._make_parcel(tasks[0])
        by_future = {}
        try:
            for task in tasks:
                small = replace(task, output=Path(task.output.name))
                key = f"{task.output.parent.name}-{task.output.stem}"
                by_future[self._client.submit(execute_parcel, parcel, small, key=key, pure=False)] = task
            for future in as_completed(by_future, loop=self._client.loop):
                outcome, content = _read_outcome_and_notebook(future, by_future[future], self._address)
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

    def _check_workers_and_count_threads(self) -> int:
        project, place = str(self._workspace.project), f"{OPTION} {self._address}"
        with explain_disconnection(place):
            threads = count_threads(self._client, self._address)
        try:
            with tempfile.NamedTemporaryFile(dir=self._workspace.home, prefix=".sweep-") as mark:
                with explain_disconnection(place):
                    found = self._client.run(look_around, project, mark.name)
                require_same(self._address, self._workspace, look_around(project, mark.name), found)
        except ModuleNotFoundError as error:
            raise UsageError(
                f"--scheduler {self._address}: a worker has no module {error.name!r}. Install the project there."
            ) from error
        return threads


def look_around(project: str, mark: str) -> tuple[str, bool]:
    """Return what this process sees: the hash of the project's ``base.yml``, and whether the file `mark` exists."""
    base = Path(project, "parameters", "base.yml")
    return hash_file(base) if base.is_file() else "", Path(mark).is_file()


def require_same(
    address: str, workspace: Workspace, here: tuple[str, bool], found: Mapping[str, tuple[str, bool]]
) -> None:
    """Raise an error if a worker does not see the same files as this machine.

    Raises
    ------
    UsageError
        If a worker sees other files. The message names the worker.
    """
    for worker, there in found.items():
        if tuple(there) != here:
            raise UsageError(
                f"--scheduler {address}: the worker {worker} does not see the same files in {workspace.project} or "
                f"{workspace.home} as this machine. Put both folders on a shared file system, at the same paths."
            )


def execute_parcel(parcel: Parcel, task: Task) -> tuple[Outcome, bytes]:
    """Execute one notebook on a worker. Return the outcome, and the content of the executed notebook."""
    os.environ["MLOPS_HOME"] = parcel.home  # kernels inherit it
    os.chdir(parcel.project)
    with tempfile.TemporaryDirectory(prefix=f"mlops-sweep-{os.getpid()}-") as scratch:
        folder = Path(scratch)
        for name, values in parcel.inputs.items():
            write_scraps(folder / name, values)
        output = folder / task.output
        told = {RUN_FOLDER: str(folder)} if RUN_FOLDER in task.parameters else {}
        here = replace(task, output=output, parameters={**task.parameters, **told})
        outcome = execute_task(here, open_backend(parcel.platform, find_workspace()).secrets.list_values)
        return outcome, output.read_bytes() if output.is_file() else b""


def _read_outcome_and_notebook(future: Any, task: Task, address: str) -> tuple[Outcome, bytes]:
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    try:
        outcome, content = future.result()
    except KilledWorker as error:
        return Outcome(task.number, error=f"the worker died on every attempt ({error.last_worker.address})"), b""
    except CancelledError:
        return Outcome(task.number, error=f"cancelled by Dask: the scheduler at {address} disappeared"), b""
    except (MlopsError, OSError) as error:
        return Outcome(task.number, error=f"on a worker: {type(error).__name__}: {error}"), b""
    return outcome, content
