"""The web service: ``POST /score`` with ``{"data": [...]}`` answers ``{"result": [...]}``.

A row of ``data`` is a record, ``{"AGE": 0.1, ...}``, or a list of numbers if all features are numbers.
``docs/service.md`` lists the statuses of the answers.
"""

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from time import perf_counter
from types import MappingProxyType
from typing import Any, Literal

from .answers import encode_result
from .collection.turns import TurnCollector
from .documents import PATHS, choose_document
from .entry.request import read_request
from .entry.scorer import EntryScorer
from .entry.texts import read_text
from .failures import describe_failure
from .heads import JSON, SCORE, check_body_headers, check_size, refuse_method
from .identity import list_headers
from .metrics.declared import READY
from .metrics.page import MetricsPage
from .refusals import PROBLEM, Refusal, encode_refusal, quote_value
from .scoring import Body, Scored, Scorer
from .tracing import Header, identify_request

ARRIVED = "arrived"  # the time of `perf_counter` at the end of a request's head
ROWS = "rows"  # the number of rows of a request that was scored
OVERLOADED = "overloaded"  # marks a request that arrived while too many other requests were waiting
KEY_NEEDED = "The key is missing or wrong. Send the header Authorization: Bearer <key>."
NO_BODY = (204, 304)  # statuses of answers without a body
Answered = tuple[int, Sequence[Header], bytes]  # status, headers and body
UNREADY = {
    "draining": ("1", "The service is shutting down. Send the request again."),
    "failing": ("60", "The service is unavailable, because its processes die repeatedly. Its log says more."),
}
NO_DOCUMENTS: Mapping[str, bytes] = MappingProxyType({})

logger = logging.getLogger("serving")


class Application:
    """The web service as an ASGI application.

    ``/readyz`` answers 503 while `state` is "draining" or "failing"; ``/score`` answers 503 while `state` is "failing".

    Parameters
    ----------
    scorer : Scorer or EntryScorer
        A `Scorer`, which scores the body of a request, or an `EntryScorer`, which answers the request itself.
    keys : sequence of str
        The keys that the service accepts.
    identity : mapping
        The image and its model, which ``/readyz`` and the headers of each answer name; see `serving.identity`.
    documents : mapping of str to bytes
        The descriptions of the service by their names; see `serving.documents`.
    collector : TurnCollector, optional
        The object that collects the scored requests.
    metrics : MetricsPage, optional
        The object that answers ``/metrics``. It has the same recorder as the scorer.
    """

    def __init__(
        self,
        scorer: Scorer | EntryScorer,
        keys: Sequence[str],
        identity: Mapping[str, Any],
        documents: Mapping[str, bytes] = NO_DOCUMENTS,
        collector: TurnCollector | None = None,
        metrics: MetricsPage | None = None,
    ) -> None:
        self.state: Literal["ready", "draining", "failing"] = "ready"
        self.recorder = scorer.recorder
        self.recorder.watch(lambda: {READY: self.state == "ready"})
        self._metrics = metrics or MetricsPage(self.recorder, identity)
        self._scorer = scorer
        self.reads_rows = isinstance(scorer, Scorer)  # otherwise, the script reads the bodies of requests
        self.joins_requests = isinstance(scorer, Scorer) and scorer.joins_requests
        self._keys = [key.encode() for key in keys]
        self._usual = [b"Bearer " + key for key in self._keys]
        self._identity = identity
        self._documents = documents
        self._collector = collector
        self._named = _encode_headers(list_headers(identity).items())
        self._good = [(b"content-type", JSON), *self._named]
        self._bad = [(b"content-type", PROBLEM.encode()), *self._named]

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        if scope["type"] != "http":
            return
        sent, began = dict(scope["headers"]), scope["state"].setdefault(ARRIVED, perf_counter())
        named = identify_request(sent)
        try:
            status, headers, answer = await self._answer(scope, sent, receive, named)
        except Exception as error:  # noqa: BLE001 - whatever fails, the client must get an answer
            status, headers, answer = self.refuse(_explain(error), named)
        self.recorder.count_answer(scope["path"], status)
        if scope["path"] == SCORE and self.recorder.reporter.choose(1):
            self.recorder.reporter.report(named, status, perf_counter() - began, scope["state"].get(ROWS, 0))
        if status in NO_BODY:
            length, answer = [], b""
        else:
            length = [(b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": status, "headers": [*headers, *length, *named]})
        await send({"type": "http.response.body", "body": answer})

    def close(self) -> None:
        """Close the segment of collected requests. Call this after the last answer."""
        if self._collector:
            self._collector.close()

    def refuse(self, refusal: Refusal, named: Sequence[Header]) -> Answered:
        """Count a request that is refused, and return the status, the headers and the body of its answer."""
        self.recorder.count_refusal(refusal, named)
        answer = encode_refusal(refusal, named[0][1].decode())
        return refusal.status, [*self._bad, *_encode_headers(refusal.headers.items())], answer

    def check_head(self, sent: Mapping[bytes, bytes]) -> None:
        """Check the headers of a request to ``/score``: the key, and the type, encoding and length of the body.

        Raises
        ------
        Refusal
            With status 401, 413, 415 or 503.
        """
        self._check_key(sent.get(b"authorization", b""))
        self._require("ready", "draining")
        check_body_headers(sent)

    def prepare(self, body: bytes) -> Body | None:
        """Prepare the body of a request to ``/score``; see `Scorer.prepare`."""
        assert isinstance(self._scorer, Scorer)
        return self._scorer.prepare(body)

    def score_together(self, bodies: Sequence[Body]) -> Sequence[Scored | Exception]:
        """Score the bodies of requests to ``/score``; see `Scorer.score_together`."""
        assert isinstance(self._scorer, Scorer)
        try:
            return self._scorer.score_together(bodies)
        except Exception as error:  # noqa: BLE001 - whatever fails, the clients must get an answer
            return [error] * len(bodies)

    def answer_together(
        self, named: Sequence[Sequence[Header]], scored: Sequence[Scored | Exception], arrived: Sequence[float]
    ) -> list[Answered]:
        """Let the collector store requests that were scored together, and return the answers.

        Parameters
        ----------
        named : sequence of length n
            The headers that identify each request.
        scored : sequence of length n
            What `score_together` returned for these requests, whose headers `check_head` has accepted.
        arrived : sequence of length n
            The value of `perf_counter` when the head of each request had arrived.
        """
        collected = [
            (headers[0][1].decode(), one[0], one[1])
            for headers, one in zip(named, scored, strict=True)
            if isinstance(one, tuple) and one[0] is not None
        ]
        refused = self._collector.collect_now(collected) if self._collector and collected else None
        answers = [self._encode(*one, refused) for one in zip(named, scored, strict=True)]
        now, recorder = perf_counter(), self.recorder
        for (status, _, _), one, began in zip(answers, scored, arrived, strict=True):
            recorder.count_answer(SCORE, status)
            if status == 200 and isinstance(one, tuple):
                recorder.count_scored(now - began, len(one[1]))
        for place in recorder.reporter.choose(len(answers)):
            one = scored[place]
            rows = len(one[1]) if isinstance(one, tuple) else 0
            recorder.reporter.report(named[place], answers[place][0], now - arrived[place], rows)
        return answers

    def _encode(self, named: Sequence[Header], found: Scored | Exception, refused: Refusal | None) -> Answered:
        if isinstance(found, tuple):
            packed, predictions = found
            if packed is None or refused is None:
                return 200, self._good, encode_result(predictions)
            found = refused
        return self.refuse(_explain(found), named)

    async def _answer(
        self,
        scope: Mapping[str, Any],
        sent: Mapping[bytes, bytes],
        receive: Callable[[], Awaitable[Any]],
        named: Sequence[Header],
    ) -> Answered:
        began, path, method = scope["state"][ARRIVED], scope["path"], scope["method"]
        if path != SCORE:
            return self._answer_get(path, method, sent, scope["query_string"])
        if method != "POST" and isinstance(self._scorer, Scorer):
            raise refuse_method(path, method, "POST")
        if scope["state"].get(OVERLOADED):
            said = "There are too many requests. Send the request again."
            raise Refusal(503, said, headers={"retry-after": "1"}, reason="waiting")
        if isinstance(self._scorer, EntryScorer):
            self._check_key(sent.get(b"authorization", b""))
            self._require("ready", "draining")
            packed, reply = self._scorer.answer(read_request(scope, await _read_body(receive)))
            if self._collector and packed is not None:
                await self._collector.collect(named[0][1].decode(), packed, read_text(reply.body))
            self.recorder.count_scored(perf_counter() - began)
            return reply.status, [*self._named, *_encode_headers(reply.headers)], reply.body
        self.check_head(sent)
        packed, predictions = await self._scorer.score_in_turns(await _read_body(receive))
        if self._collector and packed is not None:
            await self._collector.collect(named[0][1].decode(), packed, predictions)
        answer = encode_result(predictions)
        scope["state"][ROWS] = len(predictions)
        self.recorder.count_scored(perf_counter() - began, len(predictions))
        return 200, self._good, answer

    def _answer_get(self, path: str, method: str, sent: Mapping[bytes, bytes], query: bytes) -> Answered:
        described = path in PATHS and bool(self._documents)
        if not described and path not in ("/", "/livez", "/readyz", "/metrics"):
            raise Refusal(404, f"There is no path {quote_value(path)}. Send rows to /score with POST.")
        if method not in ("GET", "HEAD"):
            raise refuse_method(path, method, "GET", "HEAD")
        if described or path == "/metrics":
            self._check_key(sent.get(b"authorization", b""))
        if path == "/metrics":
            content, kind = self._metrics.answer(sent.get(b"accept", b"").decode("latin-1"), query)
            return 200, [(b"content-type", kind.encode()), *self._named], content
        if described:
            return 200, self._good, choose_document(self._documents, path, query)
        if path == "/livez":
            return 200, self._good, b'{"status": "live"}'
        self._require("ready")
        return 200, self._good, json.dumps({"status": self.state, **self._identity}).encode()

    def _require(self, *states: str) -> None:
        if self.state not in states:
            seconds, said = UNREADY[self.state]
            raise Refusal(503, said, headers={"retry-after": seconds}, reason=self.state)

    def _check_key(self, header: bytes) -> None:
        same = [hmac.compare_digest(header, usual) for usual in self._usual]
        if any(same):
            return
        scheme, _, sent = header.partition(b" ")
        sent = sent.strip()
        known = [hmac.compare_digest(sent, key) for key in self._keys]
        if scheme.lower() != b"bearer" or not any(known):
            raise Refusal(401, KEY_NEEDED, headers={"www-authenticate": "Bearer"})


def _encode_headers(headers: Iterable[tuple[str, str]]) -> list[Header]:
    return [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers]


def _explain(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    logger.error("The service failed: %s", describe_failure(error))
    return Refusal(500, "The service failed. Its log has the error.", cause=error)


async def _read_body(receive: Callable[[], Awaitable[Any]]) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "The client disconnected.")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
        check_size(size)
    return b"".join(chunks)
