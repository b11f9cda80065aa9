"""The answer of the scoring script."""

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from mlops.serving.answers import WrongAnswer, check_answer, encode_result
from mlops.serving.schema import Answer

NUMBER = Answer()
BOOLEAN = Answer("boolean", (False, True))
PLANS = Answer("category", ("basic", "family", "plus"))


@pytest.mark.parametrize(
    ("answer", "result", "body"),
    [
        (NUMBER, np.array([1.5, 2.0]), "[1.5,2.0]"),
        (NUMBER, [1, 2], "[1.0,2.0]"),
        (NUMBER, pd.Series([1, 2], index=[7, 8], dtype="float32"), "[1.0,2.0]"),
        (BOOLEAN, [0.25, 1], "[0.25,1.0]"),
        (BOOLEAN, np.array([True, False]), "[true,false]"),
        (PLANS, ["plus", "basic"], '["plus","basic"]'),
        (PLANS, pd.Series(["plus", "basic"]), '["plus","basic"]'),
        (PLANS, [[0.5, 0.25, 0.25], [0, 0, 1]], "[[0.5,0.25,0.25],[0.0,0.0,1.0]]"),
        (PLANS, [[1 + 1e-12, -1e-12, 0], [0, 0, 1]], "[[1.000000000001,-1e-12,0.0],[0.0,0.0,1.0]]"),
    ],
)
def test_numbers_labels_and_vectors_are_answers(answer: Answer, result: object, body: str) -> None:
    assert encode_result(check_answer(result, 2, answer)).decode() == f'{{"result":{body}}}'


@pytest.mark.parametrize("faster", [True, False])
@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (NUMBER, np.geomspace(1e-300, 1e300, 99) * np.where(np.arange(99) % 2, 1 / 3, -1 / 3)),
        (BOOLEAN, np.arange(99) % 3 == 0),
        (BOOLEAN, np.linspace([0, 1], [1, 0], 99)[:, 1]),  # the numbers are not beside each other
        (PLANS, np.full(99, "plus")),
        (PLANS, np.tile([0.1, 0.2, 0.7], (99, 1))),
    ],
)
def test_many_predictions_have_all_their_digits_also_without_orjson(
    monkeypatch: pytest.MonkeyPatch, faster: bool, answer: Answer, result: NDArray[Any]
) -> None:
    if not faster:
        monkeypatch.setattr("mlops.serving.answers.orjson", None)
    assert json.loads(encode_result(check_answer(result, 99, answer))) == {"result": result.tolist()}


@pytest.mark.parametrize(
    ("answer", "result", "said"),
    [
        (NUMBER, [1.0], "run returned an array of shape (1,). The shape must be (2,)."),
        (NUMBER, 1.0, "run returned an array of shape (). The shape must be (2,)."),
        (NUMBER, None, "run returned values of the type object. Return one number for each row."),
        (NUMBER, [[1.0], [2.0]], "run returned an array of shape (2, 1). The shape must be (2,)."),
        (NUMBER, [1.0, np.nan], "run returned a number that is not finite for data[1]. Return finite numbers."),
        (NUMBER, [-np.inf, np.nan], "run returned a number that is not finite for data[0]. Return finite numbers."),
        (NUMBER, ["plus", "basic"], "run returned values of the type <U5. Return one number for each row."),
        (NUMBER, [True, False], "run returned values of the type bool. Return one number for each row."),
        (NUMBER, [[1.0], [2.0, 3.0]], "run returned a list that is not an array."),
        (NUMBER, [1j, 2j], "run returned values of the type complex128. Return one number for each row."),
        (BOOLEAN, [[0.5, 0.5], [1, 0]], "run returned an array of shape (2, 2). The shape must be (2,)."),
        (BOOLEAN, ["true", "false"], "Return true, false or the probability of true for each row."),
        (PLANS, ["plus", "gold"], "run returned an unknown class for data[1]. The classes are: basic, family, plus."),
        (
            PLANS,
            ["plus", None],
            "run returned a value of type NoneType for data[1]. The classes are: basic, family, plus.",
        ),
        (PLANS, [1, 2], "run returned a value of type int for data[0]. The classes are: basic, family, plus."),
        (PLANS, ["plus"], "run returned an array of shape (1,). The shape must be (2,)."),
        (PLANS, [[0.5, 0.5], [1, 0]], "run returned an array of shape (2, 2). The shape must be (2, 3)."),
        (
            PLANS,
            [[0.5, 0.5, 0], [1, np.inf, 0]],
            "run returned a number that is not finite for data[1]. Return finite numbers.",
        ),
        (
            NUMBER,
            np.array(["1", "1e4000"]).astype(np.longdouble),
            "run returned a number that is not finite for data[1]. Return finite numbers.",
        ),
        (BOOLEAN, [0.5, 7.5], "run returned a number outside of 0 to 1 for data[1]. Return probabilities from 0 to 1."),
        (
            PLANS,
            [[0, 0, 1], [-1, 1, 1]],
            "run returned a number outside of 0 to 1 for data[1]. Return probabilities from 0 to 1.",
        ),
    ],
)
def test_any_other_answer_is_wrong(answer: Answer, result: object, said: str) -> None:
    with pytest.raises(WrongAnswer, match=re.escape(said)):
        check_answer(result, 2, answer)
