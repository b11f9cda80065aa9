"""The hand-off: one notebook glues results, and the next reads them. scrapbook can read them, and vice versa."""

from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from mlops.errors import FormatError, HandoffError
from mlops.notebook.handoff import Results, find_results, glue_results, read_results
from mlops.scraps import name_copy, read_scraps
from mlops.workspace import HOME_FORMAT

VALUES: dict[str, Any] = {
    "text": "größer than '1'",
    "number_as_text": "1",
    "empty": "",
    "number": 0.1,
    "whole": 3,
    "yes": True,
    "nothing": None,
    "rows": [1, 2.5, "a"],
    "nested": {"a": {"b": [None, False]}},
}
NUMPY = (
    "scalar=np.float64(0.1), single=np.float32(0.5), count=np.int64(7), flag=np.bool_(True), name=np.str_('a'), "
    "array=np.arange(3), inside={'rows': [np.int64(1)]}, pair=(1, 2), series=pd.Series([1, 2])"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with a notebook that a real kernel has run: it glues as we do, and as scrapbook does."""
    folder = tmp_path_factory.mktemp("run")
    sources = [
        "import numpy as np, pandas as pd, scrapbook\nfrom mlops.notebook.handoff import glue_results",
        f"glue_results('02_train', {str(folder)!r}, number=0)  # glued again below: the last one counts",
        f"glue_results('02_train', {str(folder)!r}, **{VALUES!r})",
        f"glue_results('02_train', {str(folder)!r}, {NUMPY})",
        "scrapbook.glue('their_number', 0.5); scrapbook.glue('their_text', 'a'); scrapbook.glue('their_rows', [1, {}])",
    ]
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    nbformat.write(notebook, folder / "02_train.ipynb")
    return folder


@pytest.mark.parametrize("name", VALUES)
def test_values_are_read_as_they_were_glued(folder: Path, name: str) -> None:
    found = read_results("02_train", str(folder))[name]
    assert (found, type(found)) == (VALUES[name], type(VALUES[name]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scalar", 0.1),
        ("single", 0.5),
        ("count", 7),
        ("flag", True),
        ("name", "a"),
        ("array", [0, 1, 2]),
        ("inside", {"rows": [1]}),
        ("pair", [1, 2]),
        ("series", [1, 2]),
    ],
)
def test_numpy_s_values_are_read_as_plain_ones(folder: Path, name: str, value: Any) -> None:
    found = read_scraps(folder / "02_train.ipynb")[name]
    assert (found, type(found)) == (value, type(value))


def test_we_read_what_scrapbook_glues(folder: Path) -> None:
    found = read_scraps(folder / "02_train.ipynb")
    assert (found["their_number"], found["their_text"], found["their_rows"]) == (0.5, "a", [1, {}])


def read_by_scrapbook(path: Path) -> dict[str, Any]:
    """Return the results that scrapbook reads. It is imported here, because importing it takes seconds."""
    import scrapbook

    return {name: scrap.data for name, scrap in scrapbook.read_notebook(str(path)).scraps.items()}


def test_scrapbook_reads_what_we_glue(home: Path) -> None:
    values = {name: value for name, value in VALUES.items() if value is not None}
    glue_results("02_train", **values, count=np.int64(7), array=np.arange(3))
    assert read_by_scrapbook(home / "workbench" / "02_train.ipynb") == {**values, "count": 7, "array": [0, 1, 2]}


def test_scrapbook_reads_the_executed_notebook_with_a_none_in_it(folder: Path) -> None:
    found = read_by_scrapbook(folder / "02_train.ipynb")
    assert {name: found[name] for name in VALUES} == VALUES


def test_a_name_that_is_not_there_says_which_are(folder: Path) -> None:
    results = Results("02_train", {"mse": 1.0, "alpha": 0.4})
    with pytest.raises(HandoffError, match=r"^02_train has no result 'msa'. Its results are: alpha, mse\.$"):
        results["msa"]
    with pytest.raises(HandoffError, match="has no result 'mse'. Its results are: array, "):
        read_results("02_train", str(folder))["mse"]
    assert (list(results), len(results), results.get("alpha")) == (["mse", "alpha"], 2, 0.4)


def test_get_returns_the_default_for_a_name_that_is_not_there() -> None:
    results = Results("02_train", {"mse": 1.0})
    assert (results.get("mse", 2.0), results.get("msa"), results.get("msa", 2.0)) == (1.0, None, 2.0)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "02_train.x is nan, which JSON cannot represent. Pass on a finite number or None."),
        (np.float64("inf"), "02_train.x is inf, which JSON cannot represent. Pass on a finite number or None."),
        ([1.0, {"a": np.nan}], "02_train.x[1].a is nan, which JSON cannot represent. Pass on a finite number or None."),
        (
            pd.DataFrame({"a": [1]}),
            "02_train.x is a DataFrame, which cannot be passed on. Use plain values, or the URL and hash of a file.",
        ),
        (
            pd.Timestamp(0),
            "02_train.x is a Timestamp, which cannot be passed on. Use plain values, or the URL and hash of a file.",
        ),
        (
            np.datetime64("2026-01-01"),
            "02_train.x is a date, which cannot be passed on. Use plain values, or the URL and hash of a file.",
        ),
        (b"a", "02_train.x is a bytes, which cannot be passed on. Use plain values, or the URL and hash of a file."),
        ({1, 2}, "02_train.x is a set, which cannot be passed on. Use plain values, or the URL and hash of a file."),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else type(value).__name__,
)
def test_what_json_cannot_hold_is_refused(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(HandoffError) as raised:
        glue_results("02_train", str(tmp_path), good=1, x=value)
    assert str(raised.value) == message


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state that notebooks in JupyterLab share."""
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_without_a_run_results_go_by_the_workbench(home: Path) -> None:
    assert find_results("02_train") is None
    glue_results("02_train", **{**VALUES, "old": 1})
    glue_results("02_train", **VALUES)
    glue_results("06_deploy-qa", url="http://127.0.0.1:1")
    assert dict(read_results("02_train")) == VALUES
    assert dict(read_results("06_deploy-qa")) == {"url": "http://127.0.0.1:1"}
    assert sorted(path.name for path in (home / "workbench").iterdir()) == ["02_train.ipynb", "06_deploy-qa.ipynb"]
    assert nbformat.validate(nbformat.read(home / "workbench" / "02_train.ipynb", 4)) is None


def test_in_a_run_the_workbench_stays_as_it_is(home: Path, tmp_path: Path) -> None:
    glue_results("02_train", str(tmp_path), alpha=0.4)
    assert not home.exists()


def test_a_refused_value_leaves_the_workbench_as_it_is(home: Path) -> None:
    glue_results("02_train", alpha=0.4)
    with pytest.raises(HandoffError):
        glue_results("02_train", alpha=float("nan"))
    assert dict(read_results("02_train")) == {"alpha": 0.4}


@pytest.mark.parametrize(
    ("notebook", "first"),
    [
        ("02_train", "Run notebooks/02_train.ipynb first."),
        ("06_deploy-qa", "Run notebooks/06_deploy.ipynb with environment='qa' first."),
    ],
)
def test_a_notebook_that_has_not_run_is_named(home: Path, tmp_path: Path, notebook: str, first: str) -> None:
    with pytest.raises(HandoffError) as raised:
        read_results(notebook)
    assert str(raised.value) == f"There are no results of {notebook} in {home / 'workbench'}. {first}"
    with pytest.raises(HandoffError) as raised:
        read_results(notebook, str(tmp_path))
    assert str(raised.value) == f"There are no results of {notebook} in {tmp_path}. {first}"


def test_a_copy_is_named_after_notebook_and_environment() -> None:
    assert (name_copy("02_train"), name_copy("06_deploy", "qa")) == ("02_train.ipynb", "06_deploy-qa.ipynb")


def test_the_workbench_of_a_newer_home_is_neither_read_nor_written(home: Path) -> None:
    glue_results("02_train", number=1)
    assert (home / "format").read_text() == f"{HOME_FORMAT}\n"
    (home / "format").write_text(f"{HOME_FORMAT + 1}\n")
    with pytest.raises(
        FormatError, match=f"has format {HOME_FORMAT + 1}, but this version reads up to format {HOME_FORMAT}"
    ):
        glue_results("02_train", number=2)
    with pytest.raises(
        FormatError, match=f"has format {HOME_FORMAT + 1}, but this version reads up to format {HOME_FORMAT}"
    ):
        read_results("02_train")
    (home / "format").write_text(f"{HOME_FORMAT}\n")
    assert read_results("02_train")["number"] == 1
