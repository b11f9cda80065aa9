"""The entry script for Azure's inference server, which calls ``init()`` once and ``run()`` for each request."""

# The script gives the same answers as `serving.app`. It also collects inputs and predictions if the deployment enables
# data collection with azureml-monitoring.

# Azure's server itself checks the keys (401), answers other paths (``GET /`` reports that the service is ready), and
# limits the time in which a body must arrive. If the collection fails, the request still succeeds, and the failure is
# written to the log, which is sent to Application Insights.

import hashlib
import importlib
import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azureml_inference_server_http.api.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse
from flask import g

BUNDLE = Path(__file__).resolve().parents[1]
if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlops.serving.answers import encode_result
    from mlops.serving.app import MAX_BODY, check_content, check_size, refuse_method
    from mlops.serving.identity import list_headers, read_identity
    from mlops.serving.refusals import PROBLEM, Refusal, encode_refusal
    from mlops.serving.rows import Rows, tabulate_rows
    from mlops.serving.schema import Schema, read_schema
    from mlops.serving.scoring import Scorer
    from mlops.serving.script import load_script
    from mlops.serving.tracing import REQUEST_ID, TRACE, identify_request
else:  # Azure's server loads this file by its path. In the image, the package `serving` is in the same folder.
    sys.path.insert(0, str(BUNDLE))
    from serving.answers import encode_result
    from serving.app import MAX_BODY, check_content, check_size, refuse_method
    from serving.identity import list_headers, read_identity
    from serving.refusals import PROBLEM, Refusal, encode_refusal
    from serving.rows import Rows, tabulate_rows
    from serving.schema import Schema, read_schema
    from serving.scoring import Scorer
    from serving.script import load_script
    from serving.tracing import REQUEST_ID, TRACE, identify_request

COLLECT = "AML_MODEL_DC_STORAGE_ENABLED"  # Azure sets this if the deployment enables data collection

logger = logging.getLogger("azmlinfsrv.serving")  # Azure keeps the messages of the logger azmlinfsrv
_scorer: Any = None  # set by `init`
_headers: dict[str, str] = {}  # of each answer; filled by `init`
_collectors: dict[str, Any] = {}


def init() -> None:
    """Check the bundle, load its scoring script, and prepare the collection of inputs and predictions."""
    global _scorer
    manifest = _read_verified_manifest(BUNDLE)
    os.environ["AZUREML_MODEL_DIR"] = str(BUNDLE / "model")
    schema = read_schema(BUNDLE)
    _scorer = Scorer(load_script(BUNDLE / "score.py").run, schema)
    _headers.update(list_headers(read_identity(BUNDLE)))
    _collectors.update(_open_collectors(manifest["model"], schema))
    logger.info("%s is ready", manifest["name"])


@rawhttp  # type: ignore[untyped-decorator]  # the package has no types
def run(request: Any) -> AMLResponse:
    """Return the answer to a request.

    Parameters
    ----------
    request : flask.Request
        The request.
    """
    headers = {**_headers, **_identify(request)}
    try:
        rows, predictions = _answer(request)
    except Refusal as refusal:
        document = encode_refusal(refusal, headers[REQUEST_ID.decode()])
        return AMLResponse(document, refusal.status, {"Content-Type": PROBLEM, **headers, **refusal.headers})
    _collect(rows, predictions)
    return AMLResponse(encode_result(predictions), 200, {"Content-Type": "application/json", **headers})


def _answer(request: Any) -> "tuple[Rows, NDArray[Any]]":
    if request.method != "POST":
        raise refuse_method(request.path, request.method, "POST")
    check_content(*(request.headers.get(name, "") for name in ("Content-Type", "Content-Encoding", "Content-Length")))
    body = request.stream.read(MAX_BODY + 1)
    check_size(len(body))
    return _scorer.score(body)


def _identify(request: Any) -> dict[str, str]:
    # Azure's server has found or made an id, and adds it to the answer itself.
    sent = {
        REQUEST_ID: getattr(g, "legacy_client_request_id", "").encode(),
        TRACE: request.headers.get("traceparent", "").encode(),
    }
    return {name.decode(): value.decode() for name, value in identify_request(sent)}


def _read_verified_manifest(bundle: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    for name, recorded in manifest["files"].items():
        found = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
        if found != recorded:
            raise ValueError(f"{name} has changed since {manifest['name']} was created. Create the image again.")
    return manifest


def _open_collectors(model: dict[str, Any], schema: "Schema | None") -> dict[str, Any]:
    if os.environ.get(COLLECT, "").lower() != "true":
        return {}
    try:
        monitoring = importlib.import_module("azureml.monitoring")
    except ImportError as error:
        logger.warning(
            "Inputs and predictions are NOT collected, because azureml-monitoring is not installed (%s).", error
        )
        return {}
    collector, version = monitoring.ModelDataCollector, str(model["version"])
    names = [*schema.names] if schema else None  # the header of the collected files
    return {
        "inputs": collector(model["name"], designation="inputs", feature_names=names, model_version=version),
        "predictions": collector(model["name"], designation="predictions", model_version=version),
    }


def _collect(rows: "Rows", predictions: "NDArray[Any]") -> None:
    if not _collectors:
        return
    try:
        _collectors["inputs"].collect(tabulate_rows(rows))
        _collectors["predictions"].collect(predictions.reshape(len(predictions), -1))
    except Exception:  # a collector may raise any error, but the client must get an answer
        logger.exception("%d rows were NOT collected.", len(predictions))
