"""The outputs of a cell in a report: text as on a terminal, and a note in place of an output that cannot be shown."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

import nbformat

from mlops.record.redaction.terminal import fold
from mlops.scraps import MIME_PREFIX

SHOWN = ("text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain")
WIDGET = "application/vnd.jupyter.widget-view+json"
LONGEST = 200_000  # maximum characters of a text in a report; a browser takes seconds to show a page of 5 MB


def prepare_outputs(outputs: Sequence[Any], file: str) -> list[Any]:
    """Return the outputs that a report shows.

    Parameters
    ----------
    outputs : sequence
        The parsed outputs of an executed cell. Invalid ones are allowed.
    file : str
        The name of the executed notebook, for the notes that replace invalid outputs.
    """
    prepared: list[Any] = []
    for name, together in groupby(outputs, key=_name_stream):
        if name:
            text = fold("".join(_join_lines(output.get("text")) or "" for output in together))
            prepared.append({"output_type": "stream", "name": name, "text": _cut_middle(text, file)})
        else:
            prepared += [shown for output in together for shown in _prepare(output, file)]
    return [nbformat.from_dict(output) for output in prepared]


def make_note(text: str) -> str:
    """Return the HTML of a note with this text."""
    return f'<p class="note">{escape(text)}</p>'


def _name_stream(output: Any) -> str:
    is_stream = isinstance(output, Mapping) and output.get("output_type") == "stream"
    return str(output.get("name") or "stdout") if is_stream else ""


def _prepare(output: Any, file: str) -> Iterator[dict[str, Any]]:
    if isinstance(output, Mapping) and output.get("output_type") == "error":
        lines = output.get("traceback")
        traceback = [str(line) for line in lines] if isinstance(lines, list) else [str(lines)]
        yield {"output_type": "error", "ename": str(output.get("ename")), "evalue": "", "traceback": traceback}
        return
    bundle = output.get("data") if isinstance(output, Mapping) else None
    data = bundle if isinstance(bundle, Mapping) else {}
    shown = {kind: text for kind in SHOWN if kind in data and (text := _join_lines(data[kind])) is not None}
    if "text/plain" in shown:
        shown["text/plain"] = _cut_middle(shown["text/plain"], file)
    others = [kind for kind in data if kind not in shown and not kind.startswith(MIME_PREFIX)]
    if shown:
        yield _display(shown, output.get("metadata"))
    if WIDGET in data and shown:
        yield _note(f"A report cannot show this widget, only its text. Open {file} to see the widget.")
    elif not shown and (others or not data):
        what = ", ".join(others) or "not valid for nbformat"
        yield _note(f"A report cannot show this output ({what}). Open {file} to see it.")


def _display(data: dict[str, str], metadata: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": {"alt": _find_alt(metadata)}}


def _note(text: str) -> dict[str, Any]:
    return _display({"text/html": make_note(text)}, {})


def _find_alt(metadata: Any) -> str:
    values = metadata.values() if isinstance(metadata, Mapping) else ()
    found = [details["alt"] for details in values if isinstance(details, Mapping) and "alt" in details]
    return str(found[0]) if found else "a figure without a description"


def _join_lines(text: Any) -> str | None:
    if isinstance(text, list) and all(isinstance(line, str) for line in text):
        return "".join(text)
    return text if isinstance(text, str) else None


def _cut_middle(text: str, file: str) -> str:
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    left_out = f"… {len(text) - LONGEST:,} characters omitted. Open {file} to see them. …"
    return f"{text[:half]}\n\n{left_out}\n\n{text[-half:]}"
