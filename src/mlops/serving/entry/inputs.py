"""The arguments of ``run``, read from a request as azureml-inference-server-http reads them."""

import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl

from ..heads import SCORE, refuse_method
from ..refusals import Refusal
from .request import Request

Arguments = dict[str, Any]
ACCEPTED = ("POST", "GET", "OPTIONS")  # the methods of requests to a script without @rawhttp


class Input(Protocol):
    """A reader of the arguments that a request gives to the function ``run`` of the scoring script."""

    def read(self, request: Request) -> Arguments:
        """Return the arguments by their names.

        Raises
        ------
        Refusal
            If the arguments cannot be read from the request.
        """
        ...


class RawInput:
    """The request itself, as an object of Flask: for scripts with ``@rawhttp``."""

    def __init__(self, name: str) -> None:
        self._name = name

    def read(self, request: Request) -> Arguments:
        """See `Input`."""
        return {self._name: request.make_raw()}


class TextInput:
    """The body as text, or the query of a GET request as JSON: for scripts without a decorator."""

    def __init__(self, name: str) -> None:
        self._name = name

    def read(self, request: Request) -> Arguments:
        """See `Input`."""
        if request.method == "GET":
            return {self._name: json.dumps(read_query(request.query))}
        require_post(request)
        try:
            return {self._name: request.body.decode()}
        except UnicodeDecodeError as error:
            raise Refusal(400, f"The body is not UTF-8 text: the byte at position {error.start} is invalid.") from error


class ObjectInput:
    """The values of a JSON object: for scripts with the decorators of inference-schema, which check and convert them.

    Parameters
    ----------
    parameters : iterable of inspect.Parameter
        The parameters of ``run``. Those with a default can be missing in a request.
    """

    def __init__(self, parameters: Iterable[inspect.Parameter]) -> None:
        self._parameters = [*parameters]

    def read(self, request: Request) -> Arguments:
        """See `Input`."""
        given = read_query(request.query) if request.method == "GET" else _read_object(request)
        found = {parameter.name: given.get(parameter.name, parameter.default) for parameter in self._parameters}
        missing = [name for name, value in found.items() if value is inspect.Parameter.empty]
        if missing:
            raise Refusal(400, f'The body has no key "{missing[0]}".', {"rule": "columns"})
        return found


def read_query(query: str) -> dict[str, Any]:
    """Return the values of a query string by key, decoded if they are JSON. A repeated key has a list of values."""
    found: dict[str, list[Any]] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        found.setdefault(name, []).append(_read_value(text))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def require_post(request: Request) -> None:
    """Raise an error unless the request is a POST request. The callers handle GET requests themselves."""
    if request.method != "POST":
        raise refuse_method(SCORE, request.method, *ACCEPTED)


def _read_value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _read_object(request: Request) -> Mapping[str, Any]:
    require_post(request)
    kind = request.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Refusal(415, "The body must be JSON. Send the header Content-Type: application/json.")
    try:
        content = json.loads(request.body)
    except RecursionError as error:
        raise Refusal(400, "The body is nested too deeply.") from error
    except ValueError as error:
        raise Refusal(400, f"The body is not JSON: {error}." if request.body else "The body is empty.") from error
    if not isinstance(content, dict):
        raise Refusal(400, "The body must be a JSON object.", {"rule": "type"})
    return content
