"""Errors reach the log with their classes and places, but without the values of a request."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mlops.serving.failures import MOST_FRAMES, describe_failure
from mlops.serving.log import JsonFormatter
from mlops.serving.refusals import Refusal
from mlops.serving.schema import Answer, Feature, Schema
from mlops.serving.scoring import Run, Scorer
from mlops.serving.script import load_script

SECRET = "4711.5"
BODY = f'{{"data": [[{SECRET}]]}}'.encode()
SCRIPT = """
def init(): pass
def run(data):
    try:
        return look_up({}, data[0, 0])
    except KeyError as error:
        raise RuntimeError(f"no customer {data[0, 0]}") from error
def look_up(known, customer):
    return known[customer]
"""


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log of a service."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("serving")
    logger.addHandler(handler)
    logger.propagate = False  # otherwise, pytest's handler formats an error first, and its text is reused
    yield written
    logger.propagate = True
    logger.removeHandler(handler)


def score(run: Run, answer: Answer) -> str:
    """Score a row, which fails, and return the message for the client."""
    with pytest.raises(Refusal) as raised:
        Scorer(run, Schema(1, (Feature("a"),), answer)).score(BODY)
    assert raised.value.status == 500
    return str(raised.value)


def test_the_log_says_where_a_script_failed_without_its_rows(log: io.StringIO, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(SCRIPT)
    score(load_script(tmp_path / "score.py").run, Answer())
    said = log.getvalue()
    assert "RuntimeError at " in said
    assert f"{tmp_path}/score.py:7 in run; caused by KeyError at {tmp_path}/score.py:5 in run, " in said
    assert f"{tmp_path}/score.py:9 in look_up" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("run", "answer"),
    [
        (lambda data: [float(SECRET), np.nan], Answer()),
        (lambda data: [float(SECRET)], Answer("boolean", (False, True))),
        (lambda data: [SECRET], Answer("category", ("no", "yes"))),
        (lambda data: [[float(SECRET), np.inf]], Answer("category", ("no", "yes"))),
        (lambda data: [[data[0, 0]], [data[0, 0], 1]], Answer()),
    ],
)
def test_the_log_says_what_is_wrong_with_an_answer_without_its_values(
    log: io.StringIO, run: Run, answer: Answer
) -> None:
    score(run, answer)
    assert "The scoring script returned a wrong answer: run returned" in log.getvalue()
    assert SECRET not in log.getvalue()


def test_errors_that_a_library_logs_have_no_message(log: io.StringIO) -> None:
    try:
        float(f"x{SECRET}")
    except ValueError:
        logging.getLogger("serving.library").exception("A callback failed")
    found = json.loads(log.getvalue())
    assert (found["level"], found["message"]) == ("error", "A callback failed")
    assert found["error"].startswith("ValueError at ")
    assert SECRET not in log.getvalue()


def test_a_deep_traceback_is_shortened() -> None:
    def dig(depth: int) -> int:
        return dig(depth + 1)

    with pytest.raises(RecursionError) as raised:
        dig(0)
    assert describe_failure(raised.value).count("in dig") == MOST_FRAMES
