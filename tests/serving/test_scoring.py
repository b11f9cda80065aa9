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


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (sys.exit, "Scoring failed."),
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
