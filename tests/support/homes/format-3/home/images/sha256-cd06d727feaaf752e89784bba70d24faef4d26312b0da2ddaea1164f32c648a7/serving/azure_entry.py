"""The entry script for Azure's inference server: ``init()`` is called once, ``run()`` for each request to ``/score``.

The script gives the same answers as `serving.app`, with the same code. Azure's server checks the keys (401), answers
other paths (``GET /`` reports that the service is ready), and limits the time in which a body must arrive.

If the deployment enables it, azureml-monitoring collects inputs and predictions. If a collector fails, the request
still succeeds, and the failure is written to the log, which is sent to Application Insights.
"""

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

BUNDLE = Path(__file__).resolve().parents[1]
if TYPE_CHECKING:
    from mlops.serving.app import MAX_BODY, Numbers, Refusal, check_content, check_size, encode_refusal, encode_result
    from mlops.serving.app import score as score_rows
    from mlops.serving.script import load_script
else:  # Azure's server loads this file by its path. In the image, the package `serving` is in the same folder.
    sys.path.insert(0, str(BUNDLE))
    from serving.app import MAX_BODY, Numbers, Refusal, check_content, check_size, encode_refusal, encode_result
    from serving.app import score as score_rows
    from serving.script import load_script

COLLECT = "AML_MODEL_DC_STORAGE_ENABLED"  # set by Azure if data is to be collected
JSON = {"Content-Type": "application/json"}

logger = logging.getLogger("azmlinfsrv.serving")  # Azure keeps the records of this logger's parent
_script: Any = None
_collectors: dict[str, Any] = {}


def init() -> None:
    """Check the bundle, load its scoring script, and open the collectors."""
    global _script
    manifest = _read_manifest(BUNDLE)
    os.environ["AZUREML_MODEL_DIR"] = str(BUNDLE / "model")
    _script = load_script(BUNDLE / "score.py")
    _collectors.update(_open_collectors(manifest["model"]))
    logger.info("%s is ready", manifest["name"])


@rawhttp  # type: ignore[untyped-decorator]  # the package has no types
def run(request: Any) -> AMLResponse:
    """Answer a request.

    Parameters
    ----------
    request : flask.Request
        The request.
    """
    try:
        rows, predictions = _answer(request)
    except Refusal as refusal:
        return AMLResponse(encode_refusal(refusal), refusal.status, JSON)
    _collect(rows, predictions)
    return AMLResponse(encode_result(predictions), 200, JSON)


def _answer(request: Any) -> "tuple[Numbers, Numbers]":
    if request.method != "POST":
        raise Refusal(405, f"/score does not accept {request.method}. Use POST.")
    check_content(request.headers.get("Content-Type", ""), request.headers.get("Content-Length", ""))
    body = request.stream.read(MAX_BODY + 1)
    check_size(len(body))
    return score_rows(_script.run, body)


def _read_manifest(bundle: Path) -> dict[str, Any]:
    """Return the manifest of a bundle, after checking the hash of every file that it lists."""
    manifest: dict[str, Any] = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    for name, recorded in manifest["files"].items():
        found = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
        if found != recorded:
            raise ValueError(f"{name} has changed since {manifest['name']} was created. Create the image again.")
    return manifest


def _open_collectors(model: dict[str, Any]) -> dict[str, Any]:
    if os.environ.get(COLLECT, "").lower() != "true":
        return {}
    try:
        monitoring = importlib.import_module("azureml.monitoring")
    except ImportError as error:
        logger.warning(
            "Inputs and predictions are NOT collected, because azureml-monitoring is not installed (%s).", error
        )
        return {}
    collector = monitoring.ModelDataCollector
    return {
        designation: collector(model["name"], designation=designation, model_version=str(model["version"]))
        for designation in ("inputs", "predictions")
    }


def _collect(rows: "Numbers", predictions: "Numbers") -> None:
    if not _collectors:
        return
    try:
        _collectors["inputs"].collect(rows)
        _collectors["predictions"].collect(predictions.reshape(-1, 1))
    except Exception:  # a collector may raise any error, but the client must get an answer
        logger.exception("%d rows were NOT collected.", len(rows))
