"""The predictions in the answer of a service, compared with those of the registered model."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import requests
from numpy.typing import ArrayLike, NDArray

from mlops.errors import IntegrityError
from mlops.files.records import decode_record
from mlops.numbers import format_number, format_pair
from mlops.serving.schema import Answer

RELATIVE_TOLERANCE = 1e-9
QUOTED = 200  # maximum number of characters of a wrong answer in a message

Prediction = float | str | bool | list[float]


@dataclass(frozen=True)
class _Numbers:
    result: list[float]


@dataclass(frozen=True)
class _Truths:
    result: list[bool | float]


@dataclass(frozen=True)
class _Classes:
    result: list[str | list[float]]


BODIES = {"number": _Numbers, "boolean": _Truths, "category": _Classes}


def read_predictions(answer: requests.Response, kind: str) -> list[Prediction] | None:
    """Return the predictions in an answer, or None if the answer has no predictions of the given kind.

    A scoring script that parses request bodies itself may also answer with a list, or with a text that contains JSON.
    """
    if not answer.ok:
        return None
    content = answer.content
    with suppress(ValueError, RecursionError):
        found = json.loads(content)
        found = json.loads(found) if isinstance(found, str) else found
        content = json.dumps(found if isinstance(found, dict) else {"result": found}).encode()
    try:
        return [*decode_record(content, BODIES[kind], answer.url).result]
    except IntegrityError:
        return None


def quote_answer(answer: requests.Response) -> str:
    """Return the beginning of an answer's body as a single line."""
    text = " ".join(answer.content[: 4 * QUOTED + 4].decode(errors="replace").split())
    return (text if len(text) <= QUOTED else f"{text[:QUOTED]}…") or "nothing"


def agree(expected: ArrayLike, seen: Sequence[Prediction], answer: Answer) -> bool:
    """Return whether the predictions of a service agree with those of the registered model.

    Parameters
    ----------
    expected : array of shape (n,) or (n, classes)
        The predictions of the registered model.
    seen : sequence of length n
        The predictions of the service. Instead of probabilities, they can be the most probable labels. If a probability
        is 0.5, both true and false are accepted.
    answer : Answer
        The kind of the answer, and its classes.
    """
    wanted = _match_labels(np.asarray(expected), seen, answer)
    if wanted.dtype.kind in "US":
        return bool(wanted.tolist() == [*seen])
    try:
        found = np.asarray(seen, dtype=float)
    except ValueError:  # labels, or lists of different lengths
        return False
    numbers = wanted.astype(float)
    return found.shape == numbers.shape and bool(np.allclose(found, numbers, rtol=RELATIVE_TOLERANCE, atol=0))


def show_predictions(expected: ArrayLike, seen: Sequence[Prediction], answer: Answer) -> tuple[str, str]:
    """Format two lists of predictions as text, with enough digits to show their differences."""
    wanted = _match_labels(np.asarray(expected), seen, answer).tolist()
    if len(wanted) != len(seen):
        texts = ["; ".join(map(show_prediction, side)) or "none" for side in (wanted, seen)]
        return texts[0], texts[1]
    pairs = [_show_pair(one, other) for one, other in zip(wanted, seen, strict=True)]
    return "; ".join(one for one, _ in pairs), "; ".join(other for _, other in pairs)


def show_prediction(value: object) -> str:
    """Format a prediction or a value of a row: a number, a string, a boolean, or a list of probabilities."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, list):
        return ", ".join(map(show_prediction, value))
    return str(value).lower() if isinstance(value, bool) else format_number(value)


def _match_labels(expected: NDArray[Any], seen: Sequence[Prediction], answer: Answer) -> NDArray[Any]:
    count = len(answer.classes)
    if answer.kind == "category" and expected.shape[1:] == (count,) and all(isinstance(value, str) for value in seen):
        return np.asarray(answer.classes, dtype=str)[expected.argmax(axis=1)]
    if answer.kind == "boolean" and expected.dtype.kind == "f" and all(isinstance(value, bool) for value in seen):
        labels = np.greater(expected, 0.5)
        if len(seen) == len(expected):  # for 0.5, scikit-learn and `mlops.problem.metrics` choose different labels
            labels = np.where(expected == 0.5, seen, labels)
        return labels
    return expected


def _show_pair(one: Any, other: Any) -> tuple[str, str]:
    if _is_number(one) and _is_number(other):
        return _show_numbers(float(one), float(other))
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [_show_numbers(first, second) for first, second in zip(one, other, strict=True)]
        return ", ".join(first for first, _ in pairs), ", ".join(second for _, second in pairs)
    return show_prediction(one), show_prediction(other)


def _show_numbers(one: float, other: float) -> tuple[str, str]:
    if np.isclose(other, one, rtol=RELATIVE_TOLERANCE, atol=0):  # the last bit can differ between processors
        other = one
    return format_pair(one, other)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
