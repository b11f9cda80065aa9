"""kill -9 of processes that write to the registry: each version is complete and created once, whenever they die.

The writers do what the notebooks of a retraining do. They are forked from a process that has imported MLflow, so three
hundred of them take no longer than a few runs. `tests/end_to_end/test_kills.py` kills a run in each of its steps.
"""

import json
import random
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from recorded_trainings import list_trainings
from tiny_model import TAGS, make_bundle, track

from mlops.backends import open_backend
from mlops.files.atomic import write_atomically
from mlops.platform.backend import Backend
from mlops.platform.trainings import TrainingRun
from mlops.workspace import Workspace

KILLS = 300
LONGEST = 60.0  # seconds after which a writer hangs
STORES = [f"mlflow.store.{store}.sqlalchemy_store" for store in ("tracking", "model_registry")]
PRELOADED = [*STORES, "requests", "mlops.backends.local", "mlops.image.bundle"]
forks = get_context("forkserver")  # its children inherit no connection to a database


def write_version(workspace: Workspace, number: int, begun: Connection) -> None:
    """Train, register, promote and publish a version, in a process of its own. A finished training is not repeated."""
    backend = open_backend("local", workspace)
    folder = workspace.outputs / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    trained = folder / "trained.json"
    begun.send(number)
    if not trained.exists():
        champion = backend.registry.find_champion("tiny")
        run = track(backend, folder, float(number), run=str(number))
        results = [run.run_id, dict(run.files), champion.identity if champion else ""]
        write_atomically(trained, json.dumps(results))
    run_id, files, expected = json.loads(trained.read_text())
    tags = {**TAGS, "BuildId": str(number)}
    version = backend.registry.register("tiny", TrainingRun(run_id, files), tags, expected=expected)
    version = backend.registry.promote("tiny", version.version, expected=expected)
    backend.images.publish(make_bundle(folder, version, float(number)), version)


def run_writer(workspace: Workspace, number: int, seconds: float) -> bool:
    """Start a writer, kill it after a time, and return whether that was before its end."""
    receiver, sender = Pipe(duplex=False)
    process = forks.Process(target=write_version, args=(workspace, number, sender))
    process.start()
    assert receiver.poll(LONGEST)
    process.join(seconds)
    process.kill()
    process.join()
    assert process.exitcode in (0, -9), f"the writer of version {number} failed"
    return process.exitcode == -9


def check_version(backend: Backend, number: int, folder: Path) -> None:
    """Check that a version has its training, its files, its tags and its image."""
    version = backend.registry.get_version("tiny", number)
    assert version.tags["BuildId"] == str(number)
    model = backend.registry.fetch_model(version, folder / f"model-{number}")
    assert json.loads((model / "model.json").read_text()) == {"number": float(number)}
    image = backend.images.find_image(version)  # this checks the image's digest
    assert image is not None
    assert image.model_version == number


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_registry_is_whole_after_three_hundred_kills(migrated: Workspace, tmp_path: Path) -> None:
    forks.set_forkserver_preload(PRELOADED)
    backend = open_backend("local", migrated)
    assert not run_writer(migrated, 1, LONGEST)
    random.seed(0)
    number, struck, seconds = 1, 0, 1.0
    while struck < KILLS:
        number += 1
        while run_writer(migrated, number, random.uniform(0, seconds)):
            struck += 1
            seconds *= 1.02  # a fast machine and a slow one find the time that most writers do not survive
        seconds *= 0.9
        assert len(list_trainings(backend)) == number
        champion = backend.registry.find_champion("tiny")
        assert champion is not None
        assert champion.version == number
    for version in range(1, number + 1):
        check_version(backend, version, tmp_path)
        assert backend.registry.get_version("tiny", version).champion == (version == number)
