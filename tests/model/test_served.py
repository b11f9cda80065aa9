"""The runtimes in 05_create_image: the choice, and the table."""

from pathlib import Path
from typing import Any

import pytest

from mlops.image.bundle import build_bundle
from mlops.image.runtimes.choice import MANY, Candidate
from mlops.image.sources import find_sources
from mlops.model.estimator import dump_estimator
from mlops.model.served import ServedModel, choose_served, show_candidates
from mlops.problem import load
from mlops.workspace import find_workspace


def test_the_table_shows_times_differences_and_sizes_that_people_can_compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pretend_size(*given: Any) -> float | None:
        return None if "onnxruntime" in tuple(given[2]) else 198.197044

    monkeypatch.setattr("mlops.model.served.measure_added", pretend_size)
    reason = "HistGradientBoostingClassifier is not a linear model, so numpy alone cannot predict what it predicts."
    tried = (
        Candidate("numbers", tmp_path, reason),
        Candidate("onnx", tmp_path, "", 1.271459e-15, "", 4.5918998e-5, 3.30356001e-4),
        Candidate("skops", tmp_path, "", 0.0, "", 0.026252377997, 0.027959389001),
    )
    sources = find_sources(load("cancer"), find_workspace().project)
    table = show_candidates(ServedModel(sources, [], tried[1], tried), sources)
    assert table.T.to_dict("list") == {
        "numbers": ["", "", "", "198", reason],
        "onnx": ["45.9", "330", "1e-15", "", "chosen"],
        "skops": ["26,252", "27,959", "0", "198", ""],
    }
    assert list(table) == ["1 row, µs", f"{MANY} rows, µs", "difference, sd", "adds, MB", "result"]


@pytest.mark.slow
def test_an_image_records_the_choice_of_a_runtime_that_is_not_the_fastest(tmp_path: Path) -> None:
    problem, model = load("cancer"), tmp_path / "model"
    model.mkdir()
    fitted = problem.train(problem.load_sample(), inverse_penalty=1.0, components=2)
    (model / "model.skops").write_bytes(dump_estimator(problem, fitted))
    for wanted, written in (("numbers", []), ("skops", ["runtime.txt"])):
        sources = find_sources(problem, find_workspace().project, runtime=wanted)
        served = choose_served(problem, {}, sources, model, tmp_path / wanted)
        bundle = tmp_path / wanted / "bundle"
        build_bundle(bundle, served.sources, model_name="m", model_version=1, model_files=served.files, example=[[0.0]])
        assert (served.runtime, [path.name for path in bundle.glob("runtime.txt")]) == (wanted, written)
