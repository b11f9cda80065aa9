"""The entry script for Azure's inference server, which calls ``init()`` once and ``run()`` for each request."""

# The script gives the same answers as `serving.app`. It also collects requests and predictions in the container
# `modeldata` if the deployment enables the collection of data.

# Azure's server itself checks the keys (401), answers other paths (``GET /`` reports that the service is ready), and
# limits the time in which a body must arrive. The log is sent to Application Insights.

import hashlib
import io
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from azureml_inference_server_http.api.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse
from flask import Response, g

BUNDLE = Path(__file__).resolve().parents[1]
if TYPE_CHECKING:
    from mlops.serving.answers import encode_result
    from mlops.serving.collection.opening import open_azure_collection
    from mlops.serving.collection.settings import Folders
    from mlops.serving.documents import OPENAPI, OPENAPI_30, SWAGGER, read_documents
    from mlops.serving.entry.request import Request
    from mlops.serving.entry.scorer import EntryScorer, describe_script, open_scorer
    from mlops.serving.entry.texts import read_text
    from mlops.serving.entry.variables import set_variables
    from mlops.serving.heads import MAX_BODY, SCORE, check_content, check_size, refuse_method
    from mlops.serving.identity import list_headers, read_identity
    from mlops.serving.metrics.recorder import Recorder
    from mlops.serving.refusals import PROBLEM, Refusal, encode_refusal
    from mlops.serving.schema import read_schema
    from mlops.serving.script import load_script
    from mlops.serving.telemetry.containers import FOLDER, open_recorder
    from mlops.serving.tracing import REQUEST_ID, TRACE, Header, identify_request
else:  # Azure's server loads this file by its path. In the image, the package `serving` is in the same folder.
    sys.path.insert(0, str(BUNDLE))
    from serving.answers import encode_result
    from serving.collection.opening import open_azure_collection
    from serving.collection.settings import Folders
    from serving.documents import OPENAPI, OPENAPI_30, SWAGGER, read_documents
    from serving.entry.request import Request
    from serving.entry.scorer import EntryScorer, describe_script, open_scorer
    from serving.entry.texts import read_text
    from serving.entry.variables import set_variables
    from serving.heads import MAX_BODY, SCORE, check_content, check_size, refuse_method
    from serving.identity import list_headers, read_identity
    from serving.metrics.recorder import Recorder
    from serving.refusals import PROBLEM, Refusal, encode_refusal
    from serving.schema import read_schema
    from serving.script import load_script
    from serving.telemetry.containers import FOLDER, open_recorder
    from serving.tracing import REQUEST_ID, TRACE, Header, identify_request

# The names that Azure's server looks for.
PUBLISHED = {OPENAPI: "swagger3.1.json", OPENAPI_30: "swagger3.json", SWAGGER: "swagger.json"}

logger = logging.getLogger("azmlinfsrv.serving")  # Azure keeps the messages of the logger azmlinfsrv
_scorer: Any = None  # set by `init`
_recorder = Recorder()  # set by `init` if there is a connection string of Application Insights
_headers: dict[str, str] = {}  # of each answer; filled by `init`
_collector: Any = None  # set by `init` if requests are collected


def init() -> None:
    """Check the bundle, load its scoring script, and start the collection of requests and predictions."""
    global _scorer, _collector, _recorder
    manifest = _read_verified_manifest(BUNDLE)
    _set_variables()
    schema = read_schema(BUNDLE)
    identity = read_identity(BUNDLE)
    _headers.update(list_headers(identity))
    script = load_script(BUNDLE / "score.py")
    _publish_documents(describe_script(script, read_documents(BUNDLE)))
    _collector = open_azure_collection(identity, schema, Folders(BUNDLE, FOLDER))
    _recorder = open_recorder(BUNDLE)
    if _collector:
        _recorder.watch(_collector.measure)
    pack = _collector.pack if _collector else None
    _scorer = open_scorer(script, schema, pack, _recorder)
    logger.info("%s is ready (runtime: %s)", manifest["name"], identity["runtime"])


@rawhttp  # type: ignore[untyped-decorator]  # the package has no types
def run(request: Any) -> Any:
    """Return the answer to a request.

    Parameters
    ----------
    request : flask.Request
        The request.
    """
    began, named = perf_counter(), _identify(request)
    reply = _reply(request, named)
    _recorder.count_answer(SCORE, reply.status_code)
    rows, seconds = g.pop("rows", 0), perf_counter() - began
    if reply.status_code == 200:
        _recorder.count_scored(seconds, rows)
    if _recorder.reporter.choose(1):
        _recorder.reporter.report(named, reply.status_code, seconds, rows)
    return reply


def _reply(request: Any, named: Sequence[Header]) -> Any:
    headers = {**_headers, **{name.decode(): value.decode() for name, value in named}}
    try:
        if isinstance(_scorer, EntryScorer):
            return _call_script(request, headers)
        answer = _answer(request, headers[REQUEST_ID.decode()])
    except Refusal as refusal:
        _recorder.count_refusal(refusal, named)
        document = encode_refusal(refusal, headers[REQUEST_ID.decode()])
        return AMLResponse(document, refusal.status, {"Content-Type": PROBLEM, **headers, **refusal.headers})
    return AMLResponse(answer, 200, {"Content-Type": "application/json", **headers})


def _call_script(request: Any, named: dict[str, str]) -> Response:
    query = request.query_string.decode("latin-1")
    body = request.stream.read(MAX_BODY + 1)
    check_size(len(body))
    request.stream = io.BytesIO(body)  # a script with @rawhttp reads it again
    packed, reply = _scorer.answer(Request(request.method, query, dict(request.headers), body, lambda: request))
    if packed is not None:
        _collector.collect(named[REQUEST_ID.decode()], packed, read_text(reply.body))
    return Response(reply.body, reply.status, [*named.items(), *reply.headers])


def _answer(request: Any, name: str) -> bytes:
    if request.method != "POST":
        raise refuse_method(request.path, request.method, "POST")
    check_content(*(request.headers.get(name, "") for name in ("Content-Type", "Content-Encoding", "Content-Length")))
    body = request.stream.read(MAX_BODY + 1)
    check_size(len(body))
    packed, predictions = _scorer.score(body)
    if packed is not None:
        _collector.collect(name, packed, predictions)
    g.rows = len(predictions)
    return encode_result(predictions)


def _identify(request: Any) -> list[Header]:
    # Azure's server has found or made an id, and adds it to the answer itself.
    sent = {
        REQUEST_ID: getattr(g, "legacy_client_request_id", "").encode(),
        TRACE: request.headers.get("traceparent", "").encode(),
    }
    return identify_request(sent)


def _read_verified_manifest(bundle: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    for name, recorded in manifest["files"].items():
        found = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
        if found != recorded:
            raise ValueError(f"{name} has changed since {manifest['name']} was created. Create the image again.")
    return manifest


def _find_root() -> Path:
    return Path(os.environ.get("AML_APP_ROOT", "/var/azureml-app"))


def _set_variables() -> None:
    try:
        set_variables(BUNDLE, _find_root())
    except OSError:  # the folder is read-only
        os.environ["AZUREML_MODEL_DIR"] = str(BUNDLE / "model")


def _publish_documents(documents: Mapping[str, bytes]) -> None:
    # After `init`, Azure's server reads the documents for ``/swagger.json`` from this folder.
    root = _find_root()
    for name, content in documents.items():
        scratch = root / f".{name}.{os.getpid()}"
        try:
            scratch.write_bytes(content)  # each worker writes it, while another one may read it
            scratch.replace(root / PUBLISHED[name])
        except OSError as error:
            logger.warning("/swagger.json does not describe the rows: %s could not be written (%s).", name, error)
