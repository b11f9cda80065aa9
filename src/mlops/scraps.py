"""Scraps: the results that a notebook stores for later notebooks, in the format of the library scrapbook."""

# scrapbook itself is not imported, because its import would take seconds in every kernel.

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mlops.errors import HandoffError, IntegrityError
from mlops.files.atomic import write_atomically

MIME_PREFIX = "application/scrapbook.scrap."


def name_copy(notebook: str, environment: str = "") -> str:
    """Return the file name of an executed notebook: "02_train.ipynb" or, with an environment, "06_deploy-qa.ipynb"."""
    return f"{notebook}-{environment}.ipynb" if environment else f"{notebook}.ipynb"


def read_scraps(path: Path) -> dict[str, Any]:
    """Return the results in a notebook file, by name, or an empty dict if there is no file.

    Raises
    ------
    IntegrityError
        If the file is damaged.
    HandoffError
        If a result cannot be read.
    """
    if not path.exists():
        return {}
    try:
        return extract_scraps(json.loads(path.read_bytes()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise IntegrityError(f"{path} cannot be read as a notebook ({error}). Run its step again.") from error


def extract_scraps(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Return the results in a parsed notebook, by name.

    Raises
    ------
    HandoffError
        If an output has the MIME type of a result, but its content cannot be read as a result.
    """
    return collect_scraps(
        output.get("data", {})
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if output["output_type"] in ("display_data", "execute_result")
    )


def collect_scraps(bundles: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the results in cell outputs, by name. Each of the `bundles` holds the data of one output, by MIME type.

    Raises
    ------
    HandoffError
        If the content of a result cannot be read.
    """
    scraps = ((mime, data) for bundle in bundles for mime, data in bundle.items() if mime.startswith(MIME_PREFIX))
    return dict(_read_scrap(mime, payload) for mime, payload in scraps)


def write_scraps(path: Path, values: Mapping[str, Any]) -> None:
    """Write a notebook file that contains only these results."""
    outputs = [make_scrap(name, value) for name, value in values.items()]
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "source": "",
        "outputs": outputs,
    }
    document = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    write_atomically(path, json.dumps(document, indent=1))


def make_scrap(name: str, value: Any) -> dict[str, Any]:
    """Return a result as the cell output that scrapbook's ``glue`` would create for it."""
    encoder = "text" if isinstance(value, str) else "json"  # with "json", scrapbook would parse a string as JSON
    data = "null" if value is None else value  # scrapbook refuses null, but decodes the string "null"
    payload = {"name": name, "data": data, "encoder": encoder, "version": 1}
    return {
        "output_type": "display_data",
        "data": {f"{MIME_PREFIX}{encoder}+json": payload},
        "metadata": {"scrapbook": {"name": name, "data": True, "display": False}},
    }


def _read_scrap(mime: str, payload: Any) -> tuple[str, Any]:
    try:
        return str(payload["name"]), _decode(payload["data"], payload["encoder"])
    except (KeyError, TypeError, ValueError) as error:
        raise HandoffError(
            f"A cell displays {mime}, but its content cannot be read as a result ({type(error).__name__}). "
            "Store results with glue_results."
        ) from error


def _decode(data: Any, encoder: str) -> Any:
    return json.loads(data) if encoder == "json" and isinstance(data, str) else data
