"""The redaction of executed notebooks."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from mlops.record.redaction import Redactor
from mlops.record.redaction.terminal import fold


def redact_notebook(notebook: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return a copy of a notebook in which every secret is replaced.

    Parameters
    ----------
    notebook : dict
        The parsed notebook.
    redactor : Redactor
        The redactor that knows the secrets.
    """
    if not redactor:
        return notebook
    cells = [_redact_cell(cell, redactor) for cell in notebook["cells"]]
    return {**redactor.redact_value({**notebook, "cells": []}), "cells": cells}


def _redact_cell(cell: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    kind = "text/markdown" if cell["cell_type"] == "markdown" else ""
    source = redactor.redact_value(cell["source"], kind)
    others = {name: value for name, value in cell.items() if name not in ("source", "outputs")}
    redacted = {**redactor.redact_value(others), "source": source}
    if "outputs" in cell:
        redacted["outputs"] = _redact_outputs(cell["outputs"], redactor)
    return redacted


def _redact_outputs(outputs: Sequence[dict[str, Any]], redactor: Redactor) -> list[dict[str, Any]]:
    found = [output if _is_stream(output) else redactor.redact_value(output) for output in outputs]
    streams = [output for output in found if _is_stream(output)]
    for group in _group_as_read(streams):
        texts = redactor.redact_pieces([_join(output) for output in group])
        for output, text in zip(group, texts, strict=True):
            output["text"] = text
    for _, together in groupby(found, key=lambda output: output.get("name") if _is_stream(output) else None):
        _redact_folded([output for output in together if _is_stream(output)], redactor)
    return found


def _is_stream(output: dict[str, Any]) -> bool:
    return output["output_type"] == "stream"


def _group_as_read(streams: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    if streams:
        yield streams
        for name in {output["name"] for output in streams}:
            yield [output for output in streams if output["name"] == name]


def _redact_folded(streams: list[dict[str, Any]], redactor: Redactor) -> None:
    # Codes that move the cursor can make the parts of a secret appear next to each other.
    shown = fold("".join(_join(output) for output in streams))
    redacted = redactor.redact(shown)
    if redacted != shown:
        for output in streams:
            output["text"] = ""
        streams[0]["text"] = redacted


def _join(output: dict[str, Any]) -> str:
    text = output["text"]
    return text if isinstance(text, str) else "".join(text)
