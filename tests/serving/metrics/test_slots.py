"""The files in which workers count."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.serving.metrics.recorder import Recorder
from mlops.serving.metrics.slots import open_slots, read_workers


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file can grow, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("full_disk")
def test_a_worker_that_starts_on_a_full_disk_counts_in_its_own_memory(tmp_path: Path) -> None:
    """A process that writes to a mapped file is killed if the disk has no space for it."""
    recorder = Recorder(open_slots(tmp_path))
    recorder.count_answer("/score", 200)
    assert read_workers(tmp_path) == []


def test_the_file_of_a_worker_has_all_its_space_from_the_start(tmp_path: Path) -> None:
    open_slots(tmp_path)
    (found,) = (path.stat() for path in tmp_path.iterdir())
    assert found.st_blocks * 512 >= found.st_size
