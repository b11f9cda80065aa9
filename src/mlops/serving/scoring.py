"""The scoring of a request: the check of its rows, the scoring script, and the check of the script's answer."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .answers import WrongAnswer, check_answer
from .collection.layout import Stored
from .failures import describe_failure
from .faults import MAX_ROWS
from .metrics.recorder import Recorder
from .refusals import Refusal
from .rows import SHORTEST_ROW, Ids, ReadRows, RowReader, Rows, has_few_rows, join_rows, require_few_rows, select_rows
from .schema import Schema
from .script import call_run

Run = Callable[[Any], Any]
Pack = Callable[[Rows, Ids], Stored | None]
Read = tuple[Stored | None, Rows, int]  # the rows as they are stored, the rows, and their number
Scored = tuple[Stored | None, NDArray[Any]]  # the rows as they are stored, and the predictions
Body = bytes | ReadRows  # the body of a request, or its rows if they have been read
Given = TypeVar("Given")
Found = TypeVar("Found")
PART_ROWS = 5_000  # rows of a call of the script; boosted trees take 0.1 s for that many

logger = logging.getLogger("serving")


class Scorer:
    """An object that scores the bodies of requests.

    Parameters
    ----------
    run : callable
        The scoring script's ``run``. It gets an array of shape (n, k) if all features are numbers, otherwise a dict of
        columns, which are arrays of length n. It returns n predictions. For wrong rows, it raises ValueError. More
        than `PART_ROWS` rows are scored in several calls. If the schema has `joins_requests`, a call can get the rows
        of several requests.
    schema : Schema
        The schema of the image.
    pack : callable, optional
        Returns the rows of a request, and their ids, in the form in which they are stored, or None if they are not
        collected.
    recorder : Recorder, optional
        The object that counts the calls of the script.
    """

    def __init__(self, run: Run, schema: Schema, pack: Pack | None = None, recorder: Recorder | None = None) -> None:
        self._run = run
        self.recorder = recorder or Recorder()
        self._pack = pack
        self._reader = RowReader(schema)
        self._answer = schema.answer
        self.joins_requests = schema.joins_requests
        # A smaller body has at most `PART_ROWS` valid rows, each with a digit, a comma and brackets, and it is not
        # refused because of its number of rows.
        self._few_bytes = min((2 * len(schema.names) + 2) * PART_ROWS, SHORTEST_ROW * MAX_ROWS)

    def score(self, body: bytes) -> Scored:
        """Score the rows of a body.

        Returns
        -------
        rows, predictions : tuple, array of length n
            The rows and their ids in the form in which they are stored, or None if they are not collected; and the
            predictions.

        Raises
        ------
        Refusal
            With status 400, 413, 422, 500 or 503; see ``docs/service.md``.
        """
        return self._predict_alone(self._read(body))

    async def score_in_turns(self, body: bytes) -> Scored:
        """Score the rows of a body in parts. Between two parts, the server can answer other requests. See `score`."""
        packed, rows, count = self._read(body)
        predictions = []
        for predicted in self._predict_parts(rows, count):
            predictions.append(predicted)
            if count > PART_ROWS:
                await asyncio.sleep(0)
        return packed, _join(predictions)

    def prepare(self, body: bytes) -> Body | None:
        """Return a body as `score_together` needs it, or None if it may have more than `PART_ROWS` rows."""
        if len(body) < self._few_bytes:
            return body
        if read := self._reader.read_matrix(body):  # to count the rows before would take a tenth of the request's time
            return read if read[1] <= PART_ROWS else None
        return body if has_few_rows(body, PART_ROWS) else None

    def score_together(self, bodies: Sequence[Body]) -> list[Scored | Exception]:
        """Score the rows of several bodies like `score`, with one call of the script if the model allows that.

        The bodies are those that `prepare` returned.

        Returns
        -------
        list
            For each body, what `score` would return, or the exception that it would raise.
        """
        read = [_attempt(self._read_few, body) for body in bodies]
        predicted = iter(self._predict_together([one for one in read if not isinstance(one, Exception)]))
        return [one if isinstance(one, Exception) else next(predicted) for one in read]

    def _predict_together(self, read: Sequence[Read]) -> list[Scored | Exception]:
        total = sum(count for _, _, count in read)
        if self.joins_requests and len(read) > 1 and total <= PART_ROWS:
            # If the call fails, each request is scored alone, because only one of them may be at fault.
            with suppress(Exception):
                result = self._call(join_rows([rows for _, rows, _ in read]), total)
                return _split(read, check_answer(result, total, self._answer))
        return [_attempt(self._predict_alone, one) for one in read]

    def _predict_alone(self, read: Read) -> Scored:
        packed, rows, count = read
        return packed, _join([*self._predict_parts(rows, count)])

    def _read(self, body: bytes) -> Read:
        require_few_rows(body)
        return self._read_few(body)

    def _read_few(self, body: Body) -> Read:
        rows, count, ids = self._reader.read_rows(body) if isinstance(body, bytes) else body
        return self._pack(rows, ids) if self._pack else None, rows, count  # packed now: a script may change its rows

    def _predict_parts(self, rows: Rows, count: int) -> Iterator[NDArray[Any]]:
        try:
            for begin in range(0, count, PART_ROWS):
                end = min(begin + PART_ROWS, count)
                part = rows if count <= PART_ROWS else select_rows(rows, slice(begin, end))
                yield self._predict(part, end - begin)
        except Refusal:
            raise
        except Exception as error:  # the client must get an answer, whatever the script raises
            logger.error("The scoring script failed: %s", describe_failure(error))
            raise Refusal(500, "Scoring failed. The service's log has the error.", reason="script_failed") from error

    def _predict(self, rows: Rows, count: int) -> NDArray[Any]:
        try:
            result = self._call(rows, count)
        except ValueError as error:
            raise Refusal(422, str(error)) from error
        try:
            return check_answer(result, count, self._answer)
        except WrongAnswer as error:
            logger.error("The scoring script returned a wrong answer: %s", error)
            said = "The scoring script returned a wrong answer. The service's log says why."
            raise Refusal(500, said, reason="script_answer") from error

    def _call(self, rows: Rows, count: int) -> Any:
        began = perf_counter()
        try:
            return call_run(self._run, rows)
        finally:
            self.recorder.count_call(perf_counter() - began, count)


def _join(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _split(read: Sequence[Read], predictions: NDArray[Any]) -> list[Scored | Exception]:
    found: list[Scored | Exception] = []
    begin = 0
    for packed, _, count in read:
        found.append((packed, predictions[begin : begin + count]))
        begin += count
    return found


def _attempt(function: Callable[[Given], Found], given: Given) -> Found | Exception:
    try:
        return function(given)
    except Exception as error:  # noqa: BLE001 - becomes the answer to this request
        return error
