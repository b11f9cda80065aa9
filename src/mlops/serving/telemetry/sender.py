"""The items that Application Insights has not accepted yet, and their retries."""

import logging
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

import msgspec

from ..metrics.tally import Tally
from .endpoint import Reply

BATCH = 250  # items of a request
BATCH_SECONDS = 5.0  # the time that an item waits for others
MOST_WAITING = 5_000  # items in memory, about 5 MB; the oldest are dropped
LONGEST_PAUSE = 60.0  # seconds between two attempts, unless the endpoint asks for more
SENT, DROPPED = "sent", "dropped"

Post = Callable[[Sequence[bytes]], Reply]
logger = logging.getLogger("serving")
_encoder = msgspec.json.Encoder()


class Sender:
    """An object that posts items in batches, and retries if they are not accepted.

    Parameters
    ----------
    post : callable
        A function that posts items and returns the answer.
    tally : Tally
        The counts of the items that were sent, and of those that were dropped.
    elapsed : callable
        A clock that is never set back: a function that returns a time in seconds.
    """

    def __init__(self, post: Post, tally: Tally, elapsed: Callable[[], float]) -> None:
        self._post = post
        self._tally = tally
        self._elapsed = elapsed
        self._waiting: deque[bytes] = deque()
        self._next = 0.0  # the time of the next request
        self._pause = 0.0  # after the last failure

    def add(self, items: Iterable[dict[str, Any]]) -> None:
        """Add items. If there are too many, the oldest are dropped."""
        before = len(self._waiting)
        self._waiting.extend(_encoder.encode(item) for item in items)
        if not before and self._waiting:
            self._next = max(self._next, self._elapsed() + BATCH_SECONDS)
        self._limit()

    def drop(self, number: int) -> None:
        """Count items that were lost before they could be added."""
        self._tally.add({DROPPED: number})

    @property
    def wait(self) -> float:
        """The seconds until the next request is due."""
        is_full = len(self._waiting) >= BATCH and not self._pause
        return 0.0 if is_full else max(0.0, self._next - self._elapsed())

    def send_due(self) -> None:
        """Send the items that are due."""
        if self._waiting and not self.wait:
            self._send_batch()

    def send_rest(self) -> None:
        """Send all items, but stop at the first failure."""
        while self._waiting and not self._pause:
            self._send_batch()

    def _send_batch(self) -> None:
        batch = [*islice(self._waiting, BATCH)]
        reply = self._post(batch)
        for _ in batch:
            self._waiting.popleft()
        self._waiting.extendleft(batch[place] for place in reversed(reply.again))
        self._tally.add({SENT: reply.accepted, DROPPED: len(batch) - reply.accepted - len(reply.again)})
        self._limit()
        retried = reply.failed or bool(reply.again)
        self._pause = max(min(2 * self._pause or BATCH_SECONDS, LONGEST_PAUSE), reply.pause) if retried else 0.0
        self._next = self._elapsed() + (self._pause * random.uniform(0.8, 1.2) or BATCH_SECONDS)
        if reply.said:
            logger.warning("Application Insights did not accept %d items: %s.", len(batch) - reply.accepted, reply.said)

    def _limit(self) -> None:
        surplus = len(self._waiting) - MOST_WAITING
        if surplus > 0:
            for _ in range(surplus):
                self._waiting.popleft()
            self._tally.add({DROPPED: surplus})
