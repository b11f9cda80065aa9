"""`make notebooks` changes only outputs that are not within their tolerance."""

from typing import Any

import nbformat
import pytest

from mlops.regression.keeping import keep_close_outputs
from mlops.scraps import MIME_PREFIX, extract_scraps


def make_notebook(scraps: dict[str, Any], table: object, text: str) -> Any:
    """Return a notebook that glues scraps and shows a table and a text."""
    payloads = [{"name": name, "data": value, "encoder": "json", "version": 1} for name, value in scraps.items()]
    glued = [nbformat.v4.new_output("display_data", data={f"{MIME_PREFIX}json+json": one}) for one in payloads]
    html = f"<table><tr><th></th><th>mse</th></tr><tr><th>holdout</th><td>{table}</td></tr></table>"
    shown = [
        nbformat.v4.new_output("display_data", data={"text/html": html}),
        nbformat.v4.new_output("stream", name="stdout", text=text),
    ]
    cells = [nbformat.v4.new_code_cell("show()", outputs=shown), nbformat.v4.new_code_cell("glue()", outputs=glued)]
    for number, cell in enumerate(cells):
        cell.id = f"0{number}"
    declared = {"scraps": {"mse": 1e-6, "rows": 0, "run": None}, "numbers": 0.001}
    return nbformat.v4.new_notebook(cells=cells, metadata={"mlops": {"check": declared}})


COMMITTED = {"mse": 3239.8605158023734, "rows": 98}


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        ({"mse": 3239.8605158023724, "rows": 98}, COMMITTED),
        ({"mse": 3239.8605158023724, "rows": 99}, {**COMMITTED, "rows": 99}),
        ({"mse": 3300.0, "rows": 98}, {**COMMITTED, "mse": 3300.0}),
        ({**COMMITTED, "new": 1}, {**COMMITTED, "new": 1}),
    ],
)
def test_a_committed_scrap_stays_within_its_tolerance(found: dict[str, Any], kept: dict[str, Any]) -> None:
    committed, notebook = make_notebook(COMMITTED, 1.0, "ok"), make_notebook(found, 1.0, "ok")
    keep_close_outputs(notebook, committed, "02_train")
    assert extract_scraps(notebook) == kept


@pytest.mark.parametrize(
    ("table", "text", "kept"), [("3075.3001", "ok", True), ("3090.0000", "ok", False), ("3075.3000", "no", False)]
)
def test_a_committed_output_stays_within_its_tolerance(table: str, text: str, kept: bool) -> None:
    committed, notebook = make_notebook({}, "3075.3000", "ok"), make_notebook({}, table, text)
    found = notebook.cells[0].outputs
    keep_close_outputs(notebook, committed, "02_train")
    assert notebook.cells[0].outputs == (committed.cells[0].outputs if kept else found)


@pytest.mark.parametrize(
    ("before", "now", "kept"),
    [
        ("3075.300", "3075.301", True),
        ("3075.300", "3075.3", False),
        ("3,075", "3075", False),
        ("-0.000", "0", False),
        ("0.1234567", "0.12345678901", True),  # the lengths of a float's last digits differ between machines
    ],
)
def test_an_output_that_is_written_in_another_form_is_replaced(before: str, now: str, kept: bool) -> None:
    """nbval compares the texts, so the committed form would fail although the number is the same."""
    committed, notebook = make_notebook({}, before, "ok"), make_notebook({}, now, "ok")
    found = notebook.cells[0].outputs
    keep_close_outputs(notebook, committed, "02_train")
    assert notebook.cells[0].outputs == (committed.cells[0].outputs if kept else found)


def test_an_output_of_a_cell_without_an_id_stays() -> None:
    committed, notebook = make_notebook({}, "3075.3000", "ok"), make_notebook({}, "3075.3001", "ok")
    for cell in (*committed.cells, *notebook.cells):
        del cell["id"]
    keep_close_outputs(notebook, committed, "02_train")
    assert notebook.cells[0].outputs == committed.cells[0].outputs
