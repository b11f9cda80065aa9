"""What a run showed against what the committed notebooks show: numbers, tables, texts, pictures, and the whole."""

import base64
import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from PIL import Image

from diabetes import data, model
from mlops.errors import IntegrityError, UsageError
from mlops.notebook import figures, handoff
from mlops.record.ledger import RunRecord, StepRecord, write_run
from mlops.regression.check import Verdict, check_run, find_run
from mlops.regression.comparison import Comparison, compare_notebooks
from mlops.regression.expectations import PICTURES, list_kept_scraps
from mlops.regression.grids import Grid, find_grid_differences, read_grids
from mlops.regression.junit import format_junit
from mlops.regression.pictures import measure_difference, reduce_picture
from mlops.regression.values import (
    Difference,
    find_text_differences,
    find_value_differences,
    is_close,
    is_same_text,
    read_sanitizer,
)

# Numbers and texts


@pytest.mark.parametrize(
    ("committed", "found", "tolerance", "close"),
    [
        (3075.260953642249, 3075.260953642250, 1e-6, True),
        (3075.26, 3075.27, 1e-6, False),
        (3075.26, 3075.27, 1e-5, True),  # relative above one
        (0.048, 0.049, 0.001, True),  # absolute below
        (0.048, 0.0491, 0.001, False),
        (0.0, -0.0, 0, True),
        (442, 443, 0, False),
    ],
)
def test_a_tolerance_is_absolute_below_one_and_relative_above(
    committed: float, found: float, tolerance: float, close: bool
) -> None:
    assert is_close(committed, found, tolerance) is close


@pytest.mark.parametrize(
    ("committed", "found", "same"),
    [
        ("mse 3,075.26, r2 0.483.", "mse 3,075.27, r2 0.4829.", True),
        ("mse 3,075.26", "mse 3,175.26", False),
        ("10000 rows", "10001 rows", False),  # a count is exact, whatever the tolerance
        ("Ridge(alpha=0.4)", "Ridge(alpha=0.5)", False),
        ("Ridge(alpha=0.4)", "Lasso(alpha=0.4)", False),
        ("from -1.0 to 1.0", "from -1.0005 to 1.0", True),
        ("scipy 1.17.1", "scipy 1.17.2", False),
        ("scipy 1.17.1", "scipy 1.18.1", False),  # a version is no number
        ("[5435.705, 3996.626]", "[5435.706, 3996.626]", True),
        ("0.5", "0.5 0.5", False),
    ],
)
def test_numbers_in_a_text_may_differ_and_words_and_counts_may_not(committed: str, found: str, same: bool) -> None:
    assert is_same_text(committed, found, 0.001) is same


def test_what_nbval_lets_pass_is_let_pass(project: Path) -> None:
    sanitizer = read_sanitizer(project / "notebooks" / "sanitize.cfg")
    assert len(sanitizer) == 6
    text = "{run} 2026-11-22T1{n}:00:00Z /tmp/{n}/models sha256:{digest} http://127.0.0.1:4000{n}\nwidth{blanks}1.0\n"
    first, second = (
        text.format(run=f"20261122-19075{n}-all-3fa51c2{n}", n=n, digest=f"{n}" * 64, blanks=" " * n) for n in (1, 2)
    )
    assert list(find_text_differences(first, second, 0.0, sanitizer)) == []
    assert len(list(find_text_differences(first, second, 0.0, ()))) == 1


def test_a_text_is_compared_line_by_line() -> None:
    found = find_text_differences("98 rows\npromoted\n", "97 rows\npromoted\nreally\n", 0.001, ())
    assert [str(difference) for difference in found] == [
        "line 1: '97 rows', committed '98 rows' (allowed: 0.001)",
        "line 3: 'really', committed nothing",
    ]


def test_a_scrap_is_compared_item_by_item() -> None:
    committed = {"mse": 3075.26, "columns": ["AGE", "SEX"], "promoted": True, "bound": None}
    found = {"mse": 3075.27, "columns": ["AGE", "BMI"], "promoted": 1, "bound": None}
    assert [str(one) for one in find_value_differences("scrap x", committed, found, 1e-6)] == [
        "scrap x.mse: 3075.27, committed 3075.26 (allowed: 1e-06)",
        "scrap x.columns[1]: 'BMI', committed 'SEX'",
        "scrap x.promoted: 1, committed True",
    ]


# Tables


def show(frame: pd.DataFrame) -> Grid:
    """Return a table as a notebook shows it."""
    (grid,) = read_grids(frame.to_html())
    return grid


def compare(committed: pd.DataFrame, found: pd.DataFrame, tolerance: float = 0.001) -> list[str]:
    """Return the differences of two tables."""
    return [str(one) for one in find_grid_differences(show(committed), show(found), tolerance, ())]


SCORES = pd.DataFrame({"mse": [3041.2, 3075.3], "rows": [344, 98]}, index=["training", "holdout"])


def test_a_cell_is_named_by_row_and_column() -> None:
    assert compare(SCORES, SCORES) == []
    assert compare(SCORES, SCORES.replace(3075.3, 3075.9)) == []
    assert compare(SCORES, SCORES.replace(3075.3, 3098.4)) == [
        "row holdout, column mse: 3098.4, committed 3075.3 (allowed: 0.001)"
    ]
    assert compare(SCORES, SCORES.replace(98, 97)) == ["row holdout, column rows: 97, committed 98 (allowed: 0.001)"]


def test_labels_must_be_the_same() -> None:
    assert compare(SCORES, SCORES.rename(columns={"mse": "mae"})) == ["columns: 2 (mae, rows), committed 2 (mse, rows)"]
    assert compare(SCORES, SCORES[:1]) == ["rows: 1 (training), committed 2 (training, holdout)"]
    assert compare(SCORES, SCORES.T) == ["columns: 2 (training, holdout), committed 2 (mse, rows)"]


def test_an_empty_table_is_not_one_with_rows() -> None:
    empty = pd.DataFrame(columns=["mse", "rows"])
    assert show(empty) == Grid(("mse", "rows"), (), ())
    assert compare(empty, SCORES) == ["rows: 2 (training, holdout), committed 0 ()"]


def test_labels_of_several_levels_are_joined() -> None:
    columns = pd.MultiIndex.from_product([["holdout", "training"], ["mse", "mae"]])
    index = pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)])
    grid = show(pd.DataFrame(np.arange(12).reshape(3, 4) / 2, columns=columns, index=index))
    assert grid.columns == ("holdout / mse", "holdout / mae", "training / mse", "training / mae")
    assert grid.labels == ("a / 1", "a / 2", "b / 1")
    assert grid.rows[2] == ("4.0", "4.5", "5.0", "5.5")


# Pictures


def draw(figure: Figure, dpi: int = 72) -> bytes:
    """Return a figure as JupyterLab gets it."""
    written = io.BytesIO()
    figure.savefig(written, dpi=dpi, bbox_inches="tight")
    pyplot.close(figure)
    return written.getvalue()


def predict(alpha: float) -> tuple[Any, Any]:
    """Return what came true on the holdout, and what a model predicts."""
    training, holdout = data.split_rows(data.load_sample(), 0.2, 0)
    return holdout[data.TARGET], model.predict(model.train_model(training, alpha), holdout)


def plot(alpha: float = 0.4) -> Figure:
    """Return the plot of `02_train`."""
    return figures.plot_predictions(*predict(alpha), "disease progression")


def crop(content: bytes, pixels: int) -> bytes:
    """Cut a picture's left and upper edge."""
    picture = Image.open(io.BytesIO(content))
    written = io.BytesIO()
    picture.crop((pixels, pixels, *picture.size)).save(written, "PNG")
    return written.getvalue()


@pytest.fixture(scope="module")
def committed() -> bytes:
    """The plot as it is committed."""
    return reduce_picture(draw(plot()))


def test_the_same_plot_drawn_elsewhere_is_the_same(committed: bytes) -> None:
    assert measure_difference(committed, committed) == 0
    assert measure_difference(committed, draw(plot())) < 0.02
    assert measure_difference(committed, draw(plot(), dpi=100)) < 0.1
    assert measure_difference(committed, crop(draw(plot()), 1)) < 0.1
    with pyplot.rc_context({"text.hinting": "none", "path.snap": False, "font.size": 10.3}):
        assert measure_difference(committed, draw(plot())) < 0.1


def remove_points() -> Figure:
    figure = plot()
    figure.axes[0].collections[0].remove()
    return figure


def swap_axes() -> Figure:
    actual, predicted = predict(0.4)
    return figures.plot_predictions(predicted, actual, "disease progression")


def rename_axis() -> Figure:
    figure = plot()
    figure.axes[0].set_xlabel("predicted")
    return figure


@pytest.mark.parametrize(
    ("make", "least"),
    [
        (lambda: plot(0.5), 0.7),
        (remove_points, 0.25),
        (swap_axes, 0.7),
        (rename_axis, 0.2),
        (lambda: figures.plot_gains(None, [1.0, 2.0]), 0.8),
        (lambda: pyplot.figure(figsize=(9, 3.8)), 0.8),
    ],
    ids=["alpha 0.5", "points missing", "axes swapped", "label", "another plot", "blank"],
)
def test_another_plot_is_told(committed: bytes, make: Callable[[], Figure], least: float) -> None:
    assert measure_difference(committed, draw(make())) > least > PICTURES


def test_another_alpha_is_told_in_the_plot_of_losses() -> None:
    losses = [np.square(np.subtract(*predict(alpha))) for alpha in (0.4, 0.5)]
    first, second = (draw(figures.plot_gains(None, values)) for values in losses)
    assert measure_difference(reduce_picture(first), second) > 0.18


def test_a_committed_picture_is_small(committed: bytes) -> None:
    assert len(committed) < 10_000 < len(draw(plot()))


# Notebooks

HTML = SCORES.to_html()


def make_cell(name: str, source: str, *outputs: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
    """Return a code cell whose output is kept."""
    tagged = {"tags": ["keep_output"], **metadata}
    return {"cell_type": "code", "id": name, "source": source, "metadata": tagged, "outputs": list(outputs)}


def make_scraps(**values: Any) -> list[dict[str, Any]]:
    """Return scraps as outputs."""
    return [handoff._make_scrap(name, value) for name, value in values.items()]


def make_notebook(version: int = 1, rows: int = 98, mse: float = 3075.26, **scraps: Any) -> dict[str, Any]:
    """Return a notebook that prints, shows a table and hands on; committed and executed look alike."""
    printed = {"output_type": "stream", "name": "stdout", "text": [f"{rows} rows\n"]}
    warning = {"output_type": "stream", "name": "stderr", "text": f"a warning of version {version}\n"}
    table = {"output_type": "execute_result", "data": {"text/html": HTML.replace("3075.3", f"{mse:.1f}")}}
    named = {"output_type": "stream", "name": "stdout", "text": f"diabetes:{version}\n"}
    check = {"scraps": {"mse": 1e-6, "run": None, "version": None}, "numbers": 0.001}
    return {
        "metadata": {"mlops": {"check": check}},
        "cells": [
            make_cell("a", "print(len(frame), 'rows')\n", printed, warning),
            make_cell("b", "scores", table),
            make_cell("c", "print(image)", named, mlops={"check": {"if_same": ["version"]}}),
            make_cell("d", "glue_results()", *make_scraps(**{"mse": mse, "run": "x", "version": version, **scraps})),
        ],
    }


def test_the_same_is_the_same() -> None:
    assert compare_notebooks("n", make_notebook(), make_notebook(run="y")) == Comparison("n", compared=4)


def test_every_difference_is_told_with_its_place() -> None:
    found = compare_notebooks("n", make_notebook(), make_notebook(rows=97, mse=3098.4))
    assert [str(difference) for difference in found.differences] == [
        "scrap mse: 3098.4, committed 3075.26 (allowed: 1e-06)",
        "cell `print(len(frame), 'rows')` line 1: '97 rows', committed '98 rows' (allowed: 0.001)",
        "cell `scores` row holdout, column mse: 3098.4, committed 3075.3 (allowed: 0.001)",
    ]


def test_what_depends_on_a_scrap_is_compared_only_if_it_is_the_same() -> None:
    found = compare_notebooks("n", make_notebook(), make_notebook(version=2))
    assert found.differences == ()
    assert found.compared == 3
    assert found.notes == ("cell `print(image)` not compared: version is 2, committed with 1",)
    whole = make_notebook()
    whole["metadata"]["mlops"]["check"]["if_same"] = ["version"]
    found = compare_notebooks("n", whole, make_notebook(version=2, rows=0))
    assert (found.compared, found.skipped) == (0, "not compared: version is 2, committed with 1")


def test_a_declared_scrap_must_be_there_and_another_is_told() -> None:
    executed = make_notebook(new=1)
    executed["cells"][3]["outputs"] = make_scraps(mse=3075.26, version=1, new=1)
    found = compare_notebooks("n", make_notebook(), executed)
    assert [str(difference) for difference in found.differences] == ["scrap run: was not handed on"]
    assert found.notes == ("handed on, but not declared in mlops.check: new",)


def test_a_value_that_was_never_committed_is_told() -> None:
    committed = make_notebook()
    committed["cells"][3]["outputs"] = make_scraps(version=1)
    committed["cells"][0]["outputs"] = []
    found = compare_notebooks("n", committed, make_notebook())
    assert [str(difference) for difference in found.differences] == [
        "scrap mse: is declared, but no value of it is committed: run `make notebooks`",
        "cell `print(len(frame), 'rows')` shows: text, committed nothing",
    ]


def test_edited_cells_are_told_and_compared_all_the_same() -> None:
    committed = make_notebook(rows=97)
    committed["cells"][0]["source"] = ["print(len(frame), 'rows ')"]
    committed["cells"].append({**make_cell("e", "new = 1"), "metadata": {}})
    executed = make_notebook()
    executed["cells"].insert(1, {**make_cell("i", "alpha = 1"), "metadata": {"tags": ["injected-parameters"]}})
    found = compare_notebooks("n", committed, executed)
    assert len(found.differences) == 1
    assert found.notes == ("edited since the run: `print(len(frame), 'rows ')`", "added since the run: `new = 1`")
    del executed["cells"][0]
    (gone,) = compare_notebooks("n", committed, executed).differences
    assert str(gone) == "cell `print(len(frame), 'rows ')`: is not in the run"


def test_a_picture_is_compared_and_one_that_is_none_is_told() -> None:
    def with_picture(content: bytes) -> dict[str, Any]:
        encoded = base64.b64encode(content).decode()
        output = {"output_type": "display_data", "data": {"image/png": encoded, "text/plain": "<Figure>"}}
        return {"metadata": {}, "cells": [make_cell("a", "show()", output)]}

    first, second = draw(plot()), draw(plot(1.0))
    assert compare_notebooks("n", with_picture(first), with_picture(first)).differences == ()
    (told,) = compare_notebooks("n", with_picture(first), with_picture(second)).differences
    assert re.fullmatch(r"cell `show\(\)` picture: differs by 0\.7\d \(allowed: 0\.13\)", str(told))
    (told,) = compare_notebooks("n", with_picture(first), with_picture(b"nothing")).differences
    assert str(told).startswith("cell `show()` picture: cannot be compared: cannot identify image file")


def test_a_wrong_declaration_is_refused() -> None:
    committed = make_notebook()
    committed["metadata"]["mlops"]["check"]["number"] = 1
    with pytest.raises(UsageError, match="the metadata of n: mlops.check: .*unknown field `number`"):
        compare_notebooks("n", committed, make_notebook())
    committed = make_notebook()
    committed["cells"][1]["metadata"]["mlops"] = {"check": {"numbers": -1}}
    with pytest.raises(UsageError, match="the metadata of cell b in n: mlops.check: .*>= 0"):
        compare_notebooks("n", committed, make_notebook())


def test_kept_are_the_values_that_are_compared_or_depended_on() -> None:
    assert list_kept_scraps(make_notebook(), "n") == {"mse", "version"}


# Runs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of the notebook "01_n" in two environments, and one that was skipped; its notebooks are beside it."""
    steps = (
        StepRecord("n_qa", "01_n", "qa", "done", parameters={"alpha": 0.1, "run_folder": "/x"}),
        StepRecord("n_production", "01_n", "production", "done", parameters={"alpha": 0.4}),
        StepRecord("register", "02_m", state="skipped", reason="not better"),
    )
    run = RunRecord("20261122-190758-all-3f9a51c2", "all", "local", "succeeded", "", "", (0, 0.0), steps, "done")
    write_run(run, tmp_path / "outputs")
    committed = make_notebook()
    parameters = {**make_cell("p", "alpha = 0.4\nrun_folder = ''"), "metadata": {"tags": ["parameters"]}}
    committed["cells"].insert(0, parameters)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01_n.ipynb").write_text(json.dumps(committed))
    folder = tmp_path / "outputs" / run.run_id
    for environment in ("qa", "production"):
        (folder / f"01_n-{environment}.ipynb").write_text(json.dumps(committed))
    return folder


def check(folder: Path) -> Verdict:
    """Check a run against the notebooks beside it."""
    return check_run(folder, folder.parents[1] / "notebooks")


def test_a_run_is_checked_copy_by_copy(folder: Path) -> None:
    verdict = check(folder)
    assert verdict.same
    assert verdict.seconds < 1
    assert verdict.notebooks == (
        Comparison("01_n-qa", 4, notes=("run with alpha=0.1 (committed: 0.4)",)),
        Comparison("01_n-production", 4),
        Comparison("02_m", skipped="not run: not better"),
    )


def test_a_step_that_was_taken_over_is_compared_and_told(folder: Path) -> None:
    record = json.loads((folder / "run.json").read_text())
    record["steps"][1] |= {"state": "reused", "source": "r1", "reason": "unchanged since run r1"}
    (folder / "run.json").write_text(json.dumps(record))
    assert check(folder).notebooks[1] == Comparison("01_n-production", 4, notes=("unchanged since run r1",))


def test_a_missing_notebook_and_a_failed_step_are_differences(folder: Path) -> None:
    (folder / "01_n-qa.ipynb").unlink()
    (missing,) = check(folder).notebooks[0].differences
    assert missing == Difference("01_n-qa.ipynb", f"is missing in {folder}")
    record = json.loads((folder / "run.json").read_text())
    record["steps"][0] |= {"state": "failed", "error": "KeyError in cell [3]"}
    (folder / "run.json").write_text(json.dumps(record))
    verdict = check(folder)
    assert not verdict.same
    assert str(verdict.notebooks[0].differences[0]) == "the step: failed: KeyError in cell [3]"


def test_what_is_no_notebook_is_an_error(folder: Path) -> None:
    (folder / "01_n-qa.ipynb").write_text("{")
    with pytest.raises(IntegrityError, match="01_n-qa.ipynb is not a notebook"):
        check(folder)


def test_the_newest_run_that_succeeded_is_found(folder: Path, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    record = json.loads((folder / "run.json").read_text())
    newer = outputs / "20261123-000000-all-00000000"
    newer.mkdir()
    (newer / "run.json").write_text(json.dumps({**record, "run_id": newer.name, "state": "failed"}))
    assert find_run(outputs) == find_run(outputs, folder.name) == find_run(outputs, str(folder)) == folder
    assert find_run(outputs, newer.name) == newer
    with pytest.raises(UsageError, match="there is no run 'yesterday' in .*: `mlops status` lists the last ones"):
        find_run(outputs, "yesterday")
    with pytest.raises(UsageError, match="no run in .* has succeeded yet: `mlops run all` first"):
        find_run(tmp_path / "none")


def test_a_run_in_which_nothing_was_executed_is_no_proof(folder: Path) -> None:
    record = json.loads((folder / "run.json").read_text())
    for step in record["steps"]:
        step["state"] = "skipped"
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(UsageError, match="has executed no notebook, so there is nothing to compare"):
        check(folder)


def test_junit_has_a_case_for_each_notebook(folder: Path) -> None:
    (folder / "01_n-qa.ipynb").write_text(json.dumps(make_notebook(mse=3098.4)))
    suite = ElementTree.fromstring(format_junit(check(folder)))
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "skipped": "1",
    }
    failure = suite.find("testcase[@name='01_n-qa']/failure")
    assert failure is not None
    assert (failure.text or "").startswith("scrap mse: 3098.4, committed 3075.26 (allowed: 1e-06)")
    skipped = suite.find("testcase[@name='02_m']/skipped")
    assert skipped is not None
    assert skipped.get("message") == "not run: not better"
