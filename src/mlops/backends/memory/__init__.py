"""A platform in the memory of one process, for unit tests.

.. code-block:: python

    from mlops.backends import memory

    backend = memory.open_backend()
    run = backend.tracker.log_training(parameters={"alpha": 0.4}, metrics={"loss": 2.5}, tags={}, files=folder)
    version = backend.registry.register("tiny", run, {})

.. code-block:: text

    contents  copies files from a folder into memory and back
    tracking  trainings
    registry  versions of models
    images    scoring images, found by digest
    services  one server per environment, in a thread
    secrets   secrets in environment variables, and the keys of services
    datasets  data files in fsspec's memory file system
"""

# Trainings, model versions, images, data sets and keys are kept in memory. Services run in threads and answer over
# HTTP. The platform has no pipelines, jobs, billing or telemetry, and `--platform` does not offer it.

from mlops.backends.memory.datasets import MemoryDatasets
from mlops.backends.memory.images import MemoryImages
from mlops.backends.memory.registry import MemoryRegistry
from mlops.backends.memory.secrets import MemorySecrets
from mlops.backends.memory.services import MemoryHost
from mlops.backends.memory.tracking import MemoryTracker
from mlops.platform.backend import Backend
from mlops.release.policy import Releases


def open_backend() -> Backend:
    """Open a new, empty platform in memory. Each call returns an independent platform."""
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
