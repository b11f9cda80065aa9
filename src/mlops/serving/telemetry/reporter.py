"""The reporter of a worker, which chooses the requests to report."""

import math
import random
import time
from collections.abc import Callable, Sequence

from ..tracing import Header
from .pipe import PipeWriter
from .reports import RequestReport, describe_error

MOST_FAILURES = 100  # reported failures of a worker in each minute
PERIOD = 60.0


class Reporter:
    """An object that reports a random share of the requests, and each failure.

    Parameters
    ----------
    pipe : PipeWriter, optional
        The pipe in which to report; None to report nothing.
    share : float
        The share of the requests to report, from 0 to 1.
    draw : callable
        Returns a random number from 0 to 1.
    clock : callable
        Returns the time in seconds since 1970.
    """

    def __init__(
        self,
        pipe: PipeWriter | None = None,
        share: float = 0.0,
        draw: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pipe = pipe
        self._share = share if pipe else 0.0
        self._draw, self._clock = draw, clock
        # The number of requests before the next one to report. One random number is drawn per reported request.
        self._skipped = self._draw_gap()
        self._period, self._failures = 0.0, 0

    def choose(self, number: int) -> list[int]:
        """Return which of the next requests to report, as indices from 0 to `number` - 1."""
        chosen = []
        while self._skipped < number:
            chosen.append(int(self._skipped))
            self._skipped += 1 + self._draw_gap()
        self._skipped -= number
        return chosen

    def report(self, named: Sequence[Header], status: int, seconds: float, rows: int = 0) -> None:
        """Report a request that `choose` chose.

        Parameters
        ----------
        named : sequence
            The headers that identify the request.
        status : int
            The status of the answer.
        seconds : float
            The time until the answer.
        rows : int
            The number of rows; 0 if it is unknown.
        """
        if self._pipe:
            self._pipe.write(RequestReport(self._clock() - seconds, *_name(named), status, seconds, rows))

    def report_failure(self, named: Sequence[Header], error: BaseException) -> None:
        """Report an error of the scoring script or the server, unless there were too many in this minute."""
        if not self._pipe:
            return
        now = self._clock()
        if not 0 <= now - self._period < PERIOD:
            self._period, self._failures = now, 0
        self._failures += 1
        if self._failures <= MOST_FAILURES:
            self._pipe.write(describe_error(now, *_name(named), error))

    def _draw_gap(self) -> float:
        if self._share <= 0:
            return math.inf
        # In a sequence of independent choices, the number of requests between two chosen ones has this distribution.
        return math.floor(math.log(1 - self._draw()) / math.log1p(-self._share)) if self._share < 1 else 0


def _name(named: Sequence[Header]) -> tuple[str, str]:
    return named[0][1].decode(), named[1][1].decode() if len(named) > 1 else ""
