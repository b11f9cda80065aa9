"""The requests to ``/score`` that arrive in one turn of the event loop. They are scored and answered together."""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Protocol

from ..app import Answered, Application
from ..scoring import Body
from ..tracing import Header
from .answers import AnswerEncoder

TURN_SECONDS = 0.005  # after this time, the server reads what has arrived before it scores the remaining requests
GROUP_BYTES = 1 << 18  # bodies that are scored and answered together; larger groups leave the caches of the CPU


class Client(Protocol):
    """A connection that has sent requests."""

    def send(self, answer: Answered, named: Sequence[Header]) -> None:
        """Send the answer to the oldest request that is not answered yet."""
        ...


# The connection, the headers that identify the request, its body, the size of the body in bytes, and the time of
# `perf_counter` after its head.
Request = tuple[Client, Sequence[Header], Body, int, float]


class Turn:
    """The requests to ``/score`` in one turn of the event loop.

    Parameters
    ----------
    application : Application
        The application, which answers the requests.
    """

    def __init__(self, application: Application) -> None:
        self.encoder = AnswerEncoder()
        self._application = application
        self._requests: list[Request] = []
        self._is_due = False  # whether `_answer` will be called

    def add(self, request: Request) -> None:
        """Add a request. It is answered as soon as the server has read all requests that have arrived."""
        self._requests.append(request)
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._answer)

    def _answer(self) -> None:
        self._is_due = False
        until = perf_counter() + TURN_SECONDS
        while self._requests:
            self._answer_group(self._take_group())
            if perf_counter() >= until:
                break
        if self._requests and not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._answer)

    def _answer_group(self, requests: Sequence[Request]) -> None:
        scored = self._application.score_together([one[2] for one in requests])
        named, arrived = [one[1] for one in requests], [one[4] for one in requests]
        answers = self._application.answer_together(named, scored, arrived)
        for (client, headers, *_), answer in zip(requests, answers, strict=True):
            client.send(answer, headers)

    def _take_group(self) -> list[Request]:
        size = number = 0
        for _, _, _, added, _ in self._requests:
            size += added
            if number and (size > GROUP_BYTES or not self._application.joins_requests):
                break
            number += 1
        group, self._requests = self._requests[:number], self._requests[number:]
        return group
