"""Faults of the scoring script become answers with status 422 or 500, whatever the script raises or returns."""

import sys

import numpy as np
import pytest

from mlops.serving.refusals import Refusal
from mlops.serving.schema import Answer, Feature, Schema
from mlops.serving.scoring import Run, Scorer

SCHEMA = Schema(1, (Feature("a"),), Answer("category", ("no", "yes")))


class Unspeakable(ValueError):
    """An error without a text."""

    def __str__(self) -> str:
        """Raise another error."""
        raise RuntimeError("no text")


class Unreadable:
    """An answer that is no array."""

    def __array__(self, dtype: object = None, copy: object = None) -> object:
        """Raise an error that numpy passes on."""
        raise RuntimeError("no array")


def hide(data: object) -> object:
    """Raise an error without a text."""
    raise Unspeakable


class Panic(BaseException):
    """An error like those of packages that are written in Rust, which are no `Exception`."""


def panic(data: object) -> object:
    """Raise an error that is no `Exception`."""
    raise Panic


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (sys.exit, "Scoring failed."),
        (panic, "Scoring failed."),
        (hide, "Scoring failed."),
        (lambda data: Unreadable(), "Scoring failed."),
        (lambda data: np.array([np.array([1, 2]), None], dtype=object)[:1], "The scoring script returned a wrong"),
    ],
)
def test_a_fault_of_the_script_is_an_answer_with_status_500(run: Run, said: str) -> None:
    with pytest.raises(Refusal, match=said) as raised:
        Scorer(run, SCHEMA).score(b'{"data": [[1.0]]}')
    assert raised.value.status == 500


def test_an_interrupt_still_ends_the_service() -> None:
    def interrupt(data: object) -> object:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Scorer(interrupt, SCHEMA).score(b'{"data": [[1.0]]}')


def test_a_panic_fails_only_the_request_that_causes_it() -> None:
    def run(data: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> object:
        return panic(data) if (data == 5).any() else ["yes"] * len(data)

    scorer = Scorer(run, Schema(1, SCHEMA.features, SCHEMA.answer, joins_requests=True))  # type: ignore[arg-type]
    good, bad, last = scorer.score_together([b'{"data": [[1]]}', b'{"data": [[5]]}', b'{"data": [[2]]}'])
    assert [isinstance(one, Refusal) for one in (good, bad, last)] == [False, True, False]
