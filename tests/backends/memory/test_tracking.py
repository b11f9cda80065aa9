"""Trainings in memory, whose logged values a test can read."""

from pathlib import Path

from tiny_model import PICTURE, make_files

from mlops.backends import memory
from mlops.backends.memory.tracking import MemoryTracker


def test_a_training_keeps_all_that_was_logged(tmp_path: Path) -> None:
    plots = tmp_path / "plots"
    plots.mkdir()
    (plots / "predictions.png").write_bytes(PICTURE)
    tracker = memory.open_backend().tracker
    assert isinstance(tracker, MemoryTracker)
    run = tracker.log_training(
        parameters={"alpha": 0.4}, metrics={"mse": 2.5}, tags={"by": "x"}, files=make_files(tmp_path, 1.0), plots=plots
    )
    kept = tracker.trainings[run.run_id]
    assert (kept.parameters, kept.metrics, kept.tags) == ({"alpha": 0.4}, {"mse": 2.5}, {"by": "x"})
    assert (kept.contents, kept.plots) == ({"model.json": b'{"number": 1.0}'}, {"predictions.png": PICTURE})
