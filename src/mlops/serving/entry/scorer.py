"""The scorer for scripts that read the body of a request themselves."""

import inspect
import json
import logging
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from ..collection.layout import Stored
from ..documents import describe_bodies
from ..failures import describe_failure
from ..heads import SCORE, refuse_method
from ..metrics.recorder import Recorder
from ..refusals import Refusal
from ..schema import Schema
from ..scoring import Pack, Scorer
from ..script import Script, call_run
from ..tracing import REQUEST_ID
from .azure import find_schemas, is_described
from .inputs import ACCEPTED, Input, ObjectInput, RawInput, TextInput
from .request import Reply, Request
from .texts import describe_request

HEADERS = "request_headers"  # the parameter of `run` that gets the headers of the request
METHODS = ("GET", "HEAD", "POST", "OPTIONS")  # of requests that Azure's server passes to a script
COLLECTED = ("GET", "POST")
# Headers of an answer that the server sets. With both Transfer-Encoding and Content-Length, for example, client and
# server would disagree about the end of the answer.
OWN = (
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    REQUEST_ID.decode(),
)
JSON = (("content-type", "application/json"),)

logger = logging.getLogger("serving")


class EntryScorer:
    """An object that answers requests with a script that reads the body of a request itself.

    Parameters
    ----------
    script : Script
        The script.
    pack : callable, optional
        Returns a request in the form in which it is stored, or None if it is not collected.
    recorder : Recorder, optional
        The object that counts the calls of the script.

    Raises
    ------
    TypeError
        If ``run`` has no parameter for the data, or has a parameter that cannot be passed by its name.
    """

    def __init__(self, script: Script, pack: Pack | None = None, recorder: Recorder | None = None) -> None:
        self.recorder = recorder or Recorder()
        self._pack = pack
        self._run = script.run
        parameters = [*inspect.signature(script.run).parameters.values()]
        if any(one.kind not in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters):
            raise TypeError("run() has a parameter that cannot be passed by its name. Declare it as run(data).")
        data = [one for one in parameters if one.name != HEADERS]
        if not data:
            raise TypeError("run() has no parameter for the data. Declare it as run(data).")
        self._wants_headers = len(data) < len(parameters)
        self._input = _choose_input(script, data)

    def answer(self, request: Request) -> tuple[Stored | None, Reply]:
        """Return the form in which a request is stored (None if it is not collected), and the answer to the request.

        Raises
        ------
        Refusal
            With status 400, 405 or 415 if the arguments of ``run`` cannot be read from the request, 500 if the
            script fails, or 503 if the request cannot be stored.
        """
        if request.method == "OPTIONS" and not isinstance(self._input, RawInput):
            return None, Reply(200, (), b"")
        if request.method not in METHODS:
            raise refuse_method(SCORE, request.method, *ACCEPTED)
        arguments = self._input.read(request)
        if self._wants_headers:
            arguments[HEADERS] = dict(request.headers)
        packed = self._pack(describe_request(request), None) if self._pack and request.method in COLLECTED else None
        began = perf_counter()
        try:
            reply = encode_reply(call_run(self._run, **arguments))
            return packed if reply.status < 400 else None, reply
        except Exception as error:  # the client must get an answer, whatever the script raises
            logger.error("The scoring script failed: %s", describe_failure(error))
            raise Refusal(500, "Scoring failed. The service's log has the error.", reason="script_failed") from error
        finally:
            self.recorder.count_call(perf_counter() - began)


def describe_script(script: Script, documents: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Return the documents of an image with what the decorators of a script say about requests and answers."""
    found = find_schemas(script.run)
    return describe_bodies(documents, *found) if found else documents


def open_scorer(
    script: Script, schema: Schema | None, pack: Pack | None = None, recorder: Recorder | None = None
) -> Scorer | EntryScorer:
    """Return a `Scorer` for the script of an image with a schema, or an `EntryScorer` if there is no schema."""
    return Scorer(script.run, schema, pack, recorder) if schema else EntryScorer(script, pack, recorder)


def encode_reply(result: Any) -> Reply:
    """Return the result of ``run``, which is a JSON value or a Flask response such as AMLResponse, as a `Reply`.

    Raises
    ------
    ValueError
        If the response has a status that no answer can have.
    """
    if all(hasattr(result, name) for name in ("status_code", "headers", "get_data")):
        if not 200 <= result.status_code <= 599:
            raise ValueError(f"A response cannot have the status {result.status_code}. Use 200 to 599.")
        headers = tuple((name, value) for name, value in result.headers.items() if name.lower() not in OWN)
        return Reply(result.status_code, headers, result.get_data())
    return Reply(200, JSON, b"{}" if result is None else json.dumps(result).encode())


def _choose_input(script: Script, parameters: list[inspect.Parameter]) -> Input:
    described = is_described(script.run)
    if script.raw and described:
        raise TypeError("run() has both @rawhttp and @input_schema. Use one of them.")
    if script.raw:
        return RawInput(parameters[0].name)
    return ObjectInput(parameters) if described else TextInput(parameters[0].name)
