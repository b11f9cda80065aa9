"""A platform that lives in one process: for unit tests of notebook helpers, and of your own code.

It keeps its promises in memory: trainings, model versions, images, data sets, secrets, and services that answer over
HTTP from a thread. It has no pipelines, jobs, billing or telemetry, and ``--platform`` does not offer it.

.. code-block:: python

    from mlops.backends import memory

    backend = memory.open_backend()
    run = backend.tracker.log_training(parameters={"alpha": 0.4}, metrics={"mse": 2.5}, tags={}, files=folder)
    version = backend.registry.register("tiny", run, {})

.. code-block:: text

    contents  a folder's files as bytes
    tracking  trainings
    registry  versions of models
    images    bundles by digest
    services  a server in a thread, one an environment
    secrets   environment variables, and keys
    datasets  files in fsspec's memory
"""

from mlops.backends.memory.datasets import MemoryDatasets
from mlops.backends.memory.images import MemoryImages
from mlops.backends.memory.registry import MemoryRegistry
from mlops.backends.memory.secrets import MemorySecrets
from mlops.backends.memory.services import MemoryHost
from mlops.backends.memory.tracking import MemoryTracker
from mlops.platform.backend import Backend
from mlops.release.policy import Releases
from mlops.workspace import Workspace


def open_backend(workspace: Workspace | None = None) -> Backend:
    """Open a new, empty platform; what an earlier call has returned is not shared.

    Parameters
    ----------
    workspace : Workspace, optional
        Not used: nothing is written to disk but for what services serve from, in temporary folders.
    """
    tracker, images, secrets = MemoryTracker(), MemoryImages(), MemorySecrets()
    return Backend(
        name="memory",
        tracker=tracker,
        registry=MemoryRegistry(tracker),
        images=images,
        services=Releases(MemoryHost(images, secrets), images.get_image),
        secrets=secrets,
        datasets=MemoryDatasets(),
    )
