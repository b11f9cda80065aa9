"""The scoring of an image's example before the service is ready."""

import json
from pathlib import Path

import pytest

from mlops.serving.schema import Answer, Feature, Schema
from mlops.serving.scoring import Scorer
from mlops.serving.workers.warming import CALLS, EXAMPLE, WarmUpFailed, warm_up

SCHEMA = Schema(1, (Feature("plan", "category", allowed=("basic",)),), Answer())


def test_the_example_is_scored(tmp_path: Path) -> None:
    (tmp_path / EXAMPLE).write_text(json.dumps({"data": [[1, 2]], "actual": [3]}))
    scored: list[list[float]] = []
    numbers = Schema(1, (Feature("a"), Feature("b")), Answer())
    warm_up(Scorer(lambda rows: scored.append(rows.tolist()) or [0.0], numbers).score, tmp_path)
    assert scored == [[[1.0, 2.0]]] * CALLS


@pytest.mark.parametrize("content", [None, {}, {"data": []}])
def test_an_image_without_an_example_is_not_warmed_up(tmp_path: Path, content: object) -> None:
    if content is not None:
        (tmp_path / EXAMPLE).write_text(json.dumps(content))
    warm_up(lambda body: pytest.fail("nothing to score"), tmp_path)


@pytest.mark.parametrize(
    ("plan", "reason"),
    [("gold", "status 422, column plan, rule values"), ("basic", "status 500")],
    ids=["the schema refuses it", "the script fails"],
)
def test_the_message_about_a_failure_names_no_value(tmp_path: Path, plan: str, reason: str) -> None:
    (tmp_path / EXAMPLE).write_text(json.dumps({"data": [{"plan": plan}]}))

    def run(rows: dict[str, list[str]]) -> None:
        raise KeyError(rows["plan"][0])

    with pytest.raises(WarmUpFailed) as caught:
        warm_up(Scorer(run, SCHEMA).score, tmp_path)
    assert str(caught.value) == (
        f"The service is not ready, because it cannot score the example of its image, example.json ({reason}). "
        "Correct the scoring script or the example."
    )
    assert caught.value.__suppress_context__
