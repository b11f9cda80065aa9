"""The server of an image, for the benchmarks of the service."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.processes import PYTHON
from mlops.backends.local.services.processes import NO_VARIABLES, start_process, wait_ready

READY_SECONDS = 60.0


@contextmanager
def serve_bundle(
    bundle: Path, keys: Path, folder: Path, variables: Mapping[str, str] = NO_VARIABLES
) -> Iterator[tuple[psutil.Process, int]]:
    """Serve the bundle of an image with variables of the server, and provide the server's process and port."""
    process, ready = start_process(Path(PYTHON), bundle, keys, 0, folder, variables)
    try:
        found = wait_ready(process, ready, READY_SECONDS, bundle.name)
        yield psutil.Process(found.pid), found.port
    finally:
        process.kill()
        process.wait()
