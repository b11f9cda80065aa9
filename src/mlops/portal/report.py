"""The report of an executed notebook: one HTML file without scripts or references to other files."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import pass_context
from latex2mathml.converter import convert as convert_formula
from nbconvert.exporters.html import HTMLExporter
from nbconvert.filters import clean_html as clean_svg
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbformat.v4 import new_code_cell, new_markdown_cell

from mlops.files.atomic import write_atomically
from mlops.portal.cleaning import clean_html
from mlops.portal.highlighting import highlight_code, list_code_styles
from mlops.portal.outputs import make_note, prepare_outputs
from mlops.portal.page import TEMPLATES, mark_code, read_stylesheet
from mlops.portal.verdict import find_verdict, mark_unrun
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.summary import name_end


class _FormulaRenderer(IPythonRenderer):
    def inline_math(self, body: str) -> str:
        return self._convert(body, "inline")

    def block_math(self, body: str) -> str:
        return self._convert(body, "block")

    def multiline_math(self, text: str) -> str:
        return self._convert(text.strip("$"), "block")

    def _convert(self, formula: str, display: str) -> str:
        try:
            return convert_formula(formula, display=display)
        except Exception:  # noqa: BLE001, its errors share no base, and a formula must not end the report
            return f"<code>{escape(formula)}</code>"


# nbconvert's own template loads scripts from other hosts and runs injected ones, and its sanitizer destroys tables.
class ReportExporter(HTMLExporter):
    """nbconvert's HTML exporter, with this project's template."""

    def __init__(self, **options: Any) -> None:
        super().__init__(template_name="run-report", extra_template_basedirs=[str(TEMPLATES)], **options)

    def default_filters(self) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Yield the name and the function of each template filter."""
        yield from super().default_filters()
        yield "highlight_code", highlight_code
        yield "clean_html", lambda html: clean_html(html) if isinstance(html, str) else clean_svg(html)

    def _preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        # A report needs none of nbconvert's 12 preprocessors, after each of which nbconvert validates the notebook.
        return nb, resources

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Render a Markdown cell as HTML."""
        attachments = context.get("cell", {}).get("attachments", {})
        renderer = _FormulaRenderer(escape=False, attachments=attachments, exclude_anchor_links=True)
        return clean_html(MarkdownWithMath(renderer=renderer).render(source))

    def from_notebook_node(self, nb: Any, resources: Any = None, **options: Any) -> tuple[str, Any]:
        """Convert a notebook to HTML. Return the page and nbconvert's resources."""
        # To add texts to images, the method of HTMLExporter also parses the finished page, which takes long.
        resources = self._init_resources(resources)
        filter_data_type = WidgetsDataTypeFilter(notebook_metadata=self._nb_metadata, parent=self, resources=resources)
        self.register_filter("filter_data_type", filter_data_type)
        page: tuple[str, Any] = super(HTMLExporter, self).from_notebook_node(nb, resources, **options)
        return page


def render_report(notebook: Path, run: RunRecord | None = None, step: StepRecord | None = None) -> Path:
    """Render an executed notebook as an HTML file in the notebook's folder.

    Parameters
    ----------
    notebook : Path
        The executed notebook.
    run, step : RunRecord, StepRecord, optional
        The run and the step to describe at the top of the page.

    Returns
    -------
    Path
        The path of the report, which has the name of the notebook with the extension ``.html``.
    """
    content = _read_unvalidated(notebook)
    shown = [_clean_cell(cell, notebook.name) for cell in content.cells if not _is_papermill_banner(cell)]
    content.cells = mark_unrun(shown)
    verdict = find_verdict(run, step) if run and step else None
    resources = {
        "title": _find_title(content) or notebook.stem,
        "stylesheet": read_stylesheet() + list_code_styles(),
        "run": run,
        "step": step,
        "end": name_end(step) if step else "",
        "verdict": verdict,
        "verdict_text": mark_code(verdict.text) if verdict else "",
    }
    html = _render_with_notes(content, resources, notebook.name)
    report = notebook.with_suffix(".html")
    write_atomically(report, html)
    return report


def _read_unvalidated(path: Path) -> Any:
    try:
        found = nbformat.from_dict(json.loads(path.read_bytes()))
        cells = [cell for cell in found.cells if isinstance(cell.get("source"), str | list)]
        widgets = "widgets" in found.metadata
    except (ValueError, AttributeError, TypeError, RecursionError):
        return _make_notebook([_write_note(f"{path.name} cannot be read as a notebook. Run its step again.")])
    if widgets:
        cells.insert(
            1, _write_note(f"A report cannot show the widgets of this notebook. Open {path.name} to see them.")
        )
    for cell in cells:
        cell.source = "".join(cell.source)
        cell.setdefault("metadata", nbformat.NotebookNode())
        cell.setdefault("execution_count", None)
    return _make_notebook(cells)


def _make_notebook(cells: list[Any]) -> Any:
    metadata = {"language_info": {"name": "ipython3"}}
    return nbformat.from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4})


def _write_note(text: str) -> Any:
    return new_markdown_cell(make_note(text))


def _render_with_notes(content: Any, resources: Mapping[str, Any], file: str) -> str:
    try:
        return _export(content, resources)
    except Exception:  # noqa: BLE001, the libraries' errors share no base, and a report must not end a run
        content.cells = [_replace_broken(cell, resources, file) for cell in content.cells]
        return _export(content, resources)


def _replace_broken(cell: Any, resources: Mapping[str, Any], file: str) -> Any:
    try:
        _export(_make_notebook([cell]), resources)
    except Exception as error:  # noqa: BLE001, see above
        return _write_note(f"A report cannot show this cell ({type(error).__name__}). Open {file} to see it.")
    return cell


def _export(content: Any, resources: Mapping[str, Any]) -> str:
    html, _ = _make_exporter().from_notebook_node(content, resources=dict(resources))
    return str(html)


@cache
def _make_exporter() -> ReportExporter:
    return ReportExporter()


@cache
def rehearse() -> None:
    """Load and compile everything that reports need, by rendering a small notebook."""
    cells = [new_markdown_cell("# Title\n\n`code` and $x^2$"), new_code_cell("x = 1")]
    _render_with_notes(_make_notebook(cells), {"stylesheet": read_stylesheet()}, "rehearsal.ipynb")


def _find_title(notebook: Any) -> str:
    lines = [line for cell in notebook.cells if cell.cell_type == "markdown" for line in cell.source.splitlines()]
    return next((line.removeprefix("# ") for line in lines if line.startswith("# ")), "")


def _is_papermill_banner(cell: Any) -> bool:
    return "papermill-error-cell-tag" in cell.metadata.get("tags", [])


def _clean_cell(cell: Any, file: str) -> Any:
    if cell.cell_type != "code":
        return cell
    cell.outputs = prepare_outputs(cell.get("outputs", []), file)
    for output in cell.outputs:
        data = output.get("data", {})
        if "text/html" in data:
            data["text/html"] = f'<div class="scroll">{clean_html(data["text/html"])}</div>'
    return cell
