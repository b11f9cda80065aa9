"""The predictions of a service, compared with those of the registered model."""

import numpy as np
import pytest

from mlops.release.predictions import Prediction, agree, show_prediction, show_predictions
from mlops.serving.schema import Answer

NUMBER = Answer()
BOOLEAN = Answer("boolean", (False, True))
PLANS = Answer("category", ("basic", "family", "plus"))
SHARES = [[0.5, 0.25, 0.25], [0.0, 0.125, 0.875]]


@pytest.mark.parametrize(
    ("answer", "expected", "seen", "same"),
    [
        (NUMBER, [1.0, 2.0], [1.0, 2.0 + 1e-9], True),
        (NUMBER, [1.0, 2.0], [1.0, 2.0 + 1e-8], False),
        (NUMBER, [1.0, 2.0], [1.0], False),
        (BOOLEAN, [0.25, 0.75], [0.25, 0.75], True),
        (BOOLEAN, [0.25, 0.75], [False, True], True),
        (BOOLEAN, [0.25, 0.75], [True, True], False),
        (BOOLEAN, [0.5, 0.75], [False, True], True),
        (BOOLEAN, [0.5, 0.75], [True, True], True),
        (BOOLEAN, [0.5, 0.75], [True], False),
        (BOOLEAN, [False, True], [False, True], True),
        (BOOLEAN, [False, True], [0.0, 1.0], True),
        (PLANS, SHARES, SHARES, True),
        (PLANS, SHARES, ["basic", "plus"], True),
        (PLANS, SHARES, ["basic", "family"], False),
        (PLANS, SHARES, ["basic"], False),
        (PLANS, [[0.25, 0.25, 0.5, 0.0], [0.0, 0.0, 0.0, 1.0]], ["plus", "plus"], False),
        (PLANS, SHARES, [[0.5, 0.25, 0.25], [0.0, 0.125, 0.874]], False),
        (PLANS, SHARES, [[0.5, 0.25, 0.25], [0.0, 1.0]], False),
        (PLANS, SHARES, [[0.5, 0.25, 0.25], "plus"], False),
    ],
)
def test_predictions_agree_as_numbers_labels_or_vectors(
    answer: Answer, expected: object, seen: list[Prediction], same: bool
) -> None:
    assert agree(np.asarray(expected), seen, answer) == same
    assert len(show_predictions(np.asarray(expected), seen, answer)) == 2


def test_predictions_are_shown_with_the_digits_that_differ() -> None:
    assert show_predictions([1.0, 171.25], [1.0, 171.25], NUMBER) == ("1.0; 171", "1.0; 171")
    assert show_predictions([4434.506291], [4434.506291 + 1e-9], NUMBER) == ("4,430", "4,430")
    assert show_predictions(SHARES, [[0.5, 0.25, 0.25], [0.0, 0.125, 0.8751]], PLANS) == (
        "0.5, 0.25, 0.25; 0, 0.125, 0.875",
        "0.5, 0.25, 0.25; 0, 0.125, 0.8751",
    )
    assert show_predictions(SHARES, ["basic", "plus"], PLANS) == ("basic; plus", "basic; plus")
    assert show_predictions([0.25, 0.75], [True, True], BOOLEAN) == ("false; true", "true; true")


def test_a_value_of_a_row_is_shown() -> None:
    values = [None, float("nan"), True, np.False_, "basic", "2024-01-31", 0.25, np.float32(0.5), np.array([0.25, 0.5])]
    assert list(map(show_prediction, values)) == [
        *("–", "–", "true", "false", "basic", "2024-01-31"),
        *("0.250", "0.500", "0.250, 0.500"),
    ]
