"""`make notebooks` finds results that a notebook hands on without a declaration, and the other way round."""

import nbformat
import pytest

from mlops.regression.declaring import compare_scraps
from mlops.scraps import MIME_PREFIX


@pytest.fixture
def executed() -> nbformat.NotebookNode:
    """A notebook that hands on `loss`, `rows` and `bias`, and declares `loss` and `old`."""
    glued = [
        nbformat.v4.new_output(
            "display_data",
            data={f"{MIME_PREFIX}json+json": {"name": name, "data": value, "encoder": "json", "version": 1}},
        )
        for name, value in {"loss": 0.5, "rows": 98, "bias": 0.25}.items()
    ]
    check = {"scraps": {"loss": 0.001, "old": None}, "numbers": 0.01}
    cells = [nbformat.v4.new_code_cell("glue()", outputs=glued)]
    return nbformat.v4.new_notebook(cells=cells, metadata={"mlops": {"check": check}})


def test_missing_and_stale_declarations_are_listed(executed: nbformat.NotebookNode) -> None:
    assert compare_scraps(executed, "02_train").describe() == ["- old", "+ rows: 0", "+ bias: 1e-06"]


def test_applied_changes_keep_the_other_declarations(executed: nbformat.NotebookNode) -> None:
    compare_scraps(executed, "02_train").apply(executed.metadata)
    assert executed.metadata == {
        "mlops": {"check": {"scraps": {"loss": 0.001, "rows": 0.0, "bias": 1e-6}, "numbers": 0.01}}
    }
    assert not compare_scraps(executed, "02_train")


def test_a_notebook_without_declarations_gets_its_first(executed: nbformat.NotebookNode) -> None:
    executed.metadata = {}
    compare_scraps(executed, "02_train").apply(executed.metadata)
    assert executed.metadata["mlops"]["check"]["scraps"] == {"loss": 1e-6, "rows": 0.0, "bias": 1e-6}
