"""The answer of the scoring script: numbers, labels, or vectors of probabilities."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from .schema import Answer

try:
    import orjson
except ImportError:  # images of older versions do not have it
    orjson = None  # type: ignore[assignment]

NUMBERS = "iuf"  # numpy's codes for integers and floats
MANY = 10  # predictions in an answer; msgspec encodes fewer as fast as orjson, which needs no object for each number
ENCODED = (np.dtype(np.float64), np.dtype(np.bool_))
ROUNDING = 1e-9  # a probability can be this much below 0 or above 1, because of rounding errors
ALLOWED = {
    "number": "one number for each row",
    "boolean": "true, false or the probability of true for each row",
    "category": "one label for each row, or one list of probabilities for each row",
}
_encoder = msgspec.json.Encoder()


class WrongAnswer(Exception):
    """An invalid answer of the scoring script. The message is for the log, so it quotes no values."""


def check_answer(result: object, count: int, answer: Answer) -> NDArray[Any]:
    """Check the value that the scoring script returned, and return it as an array of predictions.

    Parameters
    ----------
    result : array-like of shape (n,) or (n, classes)
        The value that ``run`` returned.
    count : int
        The number of rows, n.
    answer : Answer
        The expected kind of answer.

    Raises
    ------
    WrongAnswer
        If the predictions have the wrong length, shape or kind, if a number is not finite, or if a probability
        is not between 0 and 1.
    """
    try:
        found = np.asarray(result)
    except (TypeError, ValueError) as error:  # for example, lists of different lengths
        raise WrongAnswer(f"run returned a {type(result).__name__} that is not an array.") from error
    if answer.kind == "category" and found.ndim == 1:
        return _check_labels(found, count, answer)
    if answer.kind == "boolean" and found.dtype.kind == "b":
        return _check_shape(found, count, ())
    return _check_numbers(found, count, (len(answer.classes),) if answer.kind == "category" else (), answer.kind)


def encode_result(predictions: NDArray[Any]) -> bytes:
    """Return predictions as the body of an answer."""
    if orjson and predictions.size > MANY and predictions.dtype in ENCODED:
        return orjson.dumps({"result": np.ascontiguousarray(predictions)}, option=orjson.OPT_SERIALIZE_NUMPY)
    return _encoder.encode({"result": predictions.tolist()})


def _check_numbers(found: NDArray[Any], count: int, rest: tuple[int, ...], kind: str = "number") -> NDArray[np.float64]:
    if found.dtype.kind not in NUMBERS:
        raise WrongAnswer(f"run returned values of the type {found.dtype}. Return {ALLOWED[kind]}.")
    _check_shape(found, count, rest)
    with np.errstate(over="ignore"):  # a long double that is too large for float64 becomes infinite
        numbers = found.astype(np.float64, copy=False)
    _require_all(np.isfinite(numbers), "a number that is not finite", "Return finite numbers.")
    if kind != "number":
        likely = (numbers >= -ROUNDING) & (numbers <= 1 + ROUNDING)
        _require_all(likely, "a number outside of 0 to 1", "Return probabilities from 0 to 1.")
    return numbers


def _require_all(good: NDArray[np.bool_], fault: str, advice: str) -> None:
    if np.count_nonzero(good) < good.size:  # takes half the time of `all`
        place = int(np.argmax(~good.reshape(len(good), -1).all(axis=1)))
        raise WrongAnswer(f"run returned {fault} for data[{place}]. {advice}")


def _check_labels(found: NDArray[Any], count: int, answer: Answer) -> NDArray[Any]:
    _check_shape(found, count, ())
    for place, label in enumerate(found.tolist()):
        if not isinstance(label, str) or label not in answer.classes:
            classes = ", ".join(map(str, answer.classes))
            fault = "an unknown class" if isinstance(label, str) else f"a value of type {type(label).__name__}"
            raise WrongAnswer(f"run returned {fault} for data[{place}]. The classes are: {classes}.")
    return found


def _check_shape(found: NDArray[Any], count: int, rest: tuple[int, ...]) -> NDArray[Any]:
    if found.shape != (count, *rest):
        raise WrongAnswer(f"run returned an array of shape {found.shape}. The shape must be {(count, *rest)}.")
    return found
