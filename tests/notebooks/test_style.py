"""The style of the notebooks: rules that keep them narrating instead of programming."""

import ast
import json
import re
import statistics
from pathlib import Path
from typing import Any

import pytest
from checkout import list_tracked
from command_line import PROJECT

from mlops.regression.expectations import list_kept_scraps, read_declaration
from mlops.regression.notebook import read_notebook

NOTEBOOKS = list_tracked(PROJECT, "notebooks/*.ipynb")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def cells(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """The cells of each committed notebook."""
    return list(json.loads(request.param.read_text())["cells"])


def code(cells: list[dict[str, Any]]) -> list[str]:
    """Return the sources of the code cells."""
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def tags(cell: dict[str, Any]) -> list[str]:
    """Return a cell's tags."""
    return list(cell["metadata"].get("tags", []))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_other_tools_know_the_language(path: Path) -> None:
    """nbconvert, jupytext and editors; the Python version is left out, because it differs."""
    language = json.loads(path.read_text())["metadata"]["language_info"]
    assert (language["name"], language["file_extension"]) == ("python", ".py")
    assert "version" not in language


def test_a_notebook_begins_with_its_title_and_why(cells: list[dict[str, Any]]) -> None:
    first = "".join(cells[0]["source"])
    assert cells[0]["cell_type"] == "markdown"
    assert first.startswith("# ")
    assert len(first.split()) > 30


def test_imports_come_first_and_in_one_cell(cells: list[dict[str, Any]]) -> None:
    sources = code(cells)
    importing = [index for index, source in enumerate(sources) if "import " in source]
    assert importing == [0]


def test_the_parameters_come_second_and_are_literals(cells: list[dict[str, Any]]) -> None:
    runnable = [cell for cell in cells if cell["cell_type"] == "code"]
    tagged = [index for index, cell in enumerate(runnable) if "parameters" in tags(cell)]
    assert tagged == [1]
    for line in ast.parse(code(cells)[1]).body:
        assert isinstance(line, ast.Assign)
        ast.literal_eval(line.value)


def test_there_is_no_logic(cells: list[dict[str, Any]]) -> None:
    for source in code(cells):
        for node in ast.walk(ast.parse(source)):
            assert not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            if isinstance(node, (ast.For, ast.While)):
                assert (node.end_lineno or 0) - node.lineno < 5


def test_cells_are_short(cells: list[dict[str, Any]]) -> None:
    lengths = [len(source.splitlines()) for source in code(cells)]
    assert 8 <= len(lengths) <= 14
    assert statistics.median(lengths) <= 5
    assert max(lengths) <= 15


def test_prose_leads_to_every_second_cell(cells: list[dict[str, Any]]) -> None:
    prose = sum(cell["cell_type"] == "markdown" for cell in cells)
    assert prose >= len(code(cells)) * 0.6


def test_the_results_are_glued_at_the_end(cells: list[dict[str, Any]]) -> None:
    assert any("handoff.glue_results(" in source for source in code(cells)[-2:])


def test_outputs_are_kept_where_they_are_checked_and_nowhere_else(cells: list[dict[str, Any]]) -> None:
    kept = [cell for cell in cells if cell.get("outputs")]
    checked = [cell for cell in kept if "nbval-check-output" in tags(cell)]
    assert kept == [cell for cell in cells if "keep_output" in tags(cell)]
    assert len(checked) >= 2
    assert "Traceback" not in json.dumps(kept)
    for cell in kept:  # nbval cannot compare scraps and pictures; `mlops check-notebooks` can
        source = "".join(cell["source"])
        shown = ("glue_results(", "figures.show_", "plots.show_")
        assert (cell in checked) != any(call in source for call in shown)
    assert [cell for cell in cells if "nbval-check-output" in tags(cell)] == checked


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_scraps_that_are_declared_are_committed_and_no_others(path: Path) -> None:
    notebook = json.loads(path.read_text())
    decoded = read_notebook(path)
    committed = decoded.scraps
    declared = read_declaration(decoded, path.stem).scraps
    assert committed.keys() == list_kept_scraps(decoded, path.stem) <= declared.keys()
    (glued,) = (cell for cell in notebook["cells"] if "glue_results(" in "".join(cell["source"]))
    shown = re.findall(r"^    (\w+)=", "".join(glued["source"]), re.MULTILINE)
    assert {*shown} <= declared.keys()
    assert not re.search(r"[0-9a-f]{32}|://", json.dumps(committed))  # no id, hash or address


@pytest.mark.parametrize(
    ("name", "version", "shown"),
    [
        ("00_provision", "dataset_version", {"tested = ", "table = "}),
        ("04_register", "model_version", {"version = "}),
        ("05_create_image", "model_version", {"stored = "}),
        ("07_test_service", "model_version", {"actual = ", 'print(*(f"row ', "pd.DataFrame(checks)"}),
    ],
)
def test_what_a_version_decides_is_compared_for_the_same_version_only(name: str, version: str, shown: set[str]) -> None:
    """Otherwise the parameters of the notebook are blamed for another model."""
    notebook = json.loads(next(path for path in NOTEBOOKS if path.stem == name).read_text())
    declaring = ["".join(cell["source"]) for cell in notebook["cells"] if version in str(cell["metadata"].get("mlops"))]
    assert len(declaring) == len(shown)
    assert all(any(source.startswith(begin) for source in declaring) for begin in shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_stays_small(path: Path) -> None:
    assert path.stat().st_size < 40_000


def test_the_kernel_is_one_that_every_machine_has(cells: list[dict[str, Any]]) -> None:
    for path in NOTEBOOKS:
        assert json.loads(path.read_text())["metadata"]["kernelspec"]["name"] == "python3"


def test_no_backend_is_named_and_no_path_of_a_machine(cells: list[dict[str, Any]]) -> None:
    text = "\n".join(code(cells))
    assert "backends.local" not in text
    assert not re.search(r"[\"' ](/home|/root|/Users|/work|/tmp)/", json.dumps(cells))


def test_a_service_is_judged_after_everything_was_measured() -> None:
    """In QA nothing is restored, so an image whose step ended red must not count as passed."""
    (path,) = (path for path in NOTEBOOKS if path.stem == "07_test_service")
    sources = code(list(json.loads(path.read_text())["cells"]))
    judging = [index for index, source in enumerate(sources) if "conclude_test(" in source]
    measuring = [index for index, source in enumerate(sources) if "measure_latency(" in source]
    assert max(measuring) < min(judging)
