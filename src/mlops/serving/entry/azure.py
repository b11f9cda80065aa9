"""The optional packages of Azure that a script can import: ``@rawhttp``, and the decorators of inference-schema."""

# They are imported only if the script has imported them, because they import Flask and pandas.

import importlib
import io
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

SERVER = "azureml_inference_server_http"
CONTRIB = "azureml.contrib.services"  # the older name of the same modules; azureml-contrib-services provides it, too
MODULES = ("aml_request", "aml_response")
FLAG = "_rawHttpRequested"  # set in `aml_request` when a script uses @rawhttp
PREFIX = {"Content-Type": "CONTENT_TYPE", "Content-Length": "CONTENT_LENGTH"}  # without HTTP_ in WSGI


def provide_contrib(source: bytes) -> None:
    """Let a script import ``azureml.contrib.services``, as Azure's server does.

    Parameters
    ----------
    source : bytes
        The source of the script. Nothing happens if it does not contain ``azureml.contrib.services``.
    """
    if CONTRIB.encode() in source and find_spec(SERVER) is not None:
        for name in MODULES:
            sys.modules[f"{CONTRIB}.{name}"] = importlib.import_module(f"{SERVER}.api.{name}")


def clear_raw() -> None:
    """Forget that a script was decorated with ``@rawhttp``. Call this before a script is loaded."""
    for module in _list_request_modules():
        setattr(module, FLAG, False)


def is_raw() -> bool:
    """Return whether a script has used ``@rawhttp`` since `clear_raw`."""
    return any(getattr(module, FLAG, False) for module in _list_request_modules())


def is_described(run: Callable[..., Any]) -> bool:
    """Return whether ``run`` has a decorator of inference-schema."""
    schema = sys.modules.get("inference_schema.schema_util")
    return schema is not None and bool(schema.is_schema_decorated(run))


def find_schemas(run: Callable[..., Any]) -> tuple[Any, Any, Sequence[str]] | None:
    """Return what inference-schema knows of ``run``, or None if ``run`` has none of its decorators.

    Returns
    -------
    request, answer, versions : JSON, JSON, sequence of str
        The JSON Schemas of the bodies of requests and answers, and the versions of Swagger for which they are valid.
    """
    if not is_described(run):
        return None
    schema = sys.modules["inference_schema.schema_util"]
    return schema.get_input_schema(run), schema.get_output_schema(run), schema.get_supported_versions(run)


def make_flask_request(method: str, path: str, query: bytes, headers: dict[str, str], body: bytes) -> Any:
    """Return a request as an object of Flask. The packages that provide ``@rawhttp`` also install Flask."""
    named = {PREFIX.get(name, "HTTP_" + name.upper().replace("-", "_")): value for name, value in headers.items()}
    host, _, port = headers.get("Host", "localhost").partition(":")
    environ = {
        **named,
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    return importlib.import_module("flask").Request(environ)


def _list_request_modules() -> list[Any]:
    names = (f"{SERVER}.api.{MODULES[0]}", f"{CONTRIB}.{MODULES[0]}")
    return [sys.modules[name] for name in names if name in sys.modules]
