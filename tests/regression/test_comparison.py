"""One notebook against its committed copy: scraps, cells, pictures, and their declarations."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from shown import HTML, draw, make_cell, make_notebook, make_scraps, plot

from mlops.errors import UsageError
from mlops.regression.comparison import Comparison, compare_notebooks
from mlops.regression.expectations import list_kept_scraps
from mlops.regression.notebook import Notebook


def decode(notebook: Mapping[str, Any]) -> Notebook:
    """Return a notebook as it is read from a file."""
    return msgspec.convert(json.loads(json.dumps(notebook)), Notebook)


def compare(committed: Mapping[str, Any], executed: Mapping[str, Any]) -> Comparison:
    """Compare two notebooks."""
    return compare_notebooks("n", decode(committed), decode(executed))


def without_ids(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook of format 4.4, whose cells have no ids."""
    return {**notebook, "cells": [{key: cell[key] for key in cell if key != "id"} for cell in notebook["cells"]]}


def test_the_same_is_the_same() -> None:
    assert compare(make_notebook(), make_notebook(run="y")) == Comparison("n", compared=4)


def test_every_difference_is_told_with_its_place() -> None:
    found = compare(make_notebook(), make_notebook(rows=97, mse=3098.4))
    assert [str(difference) for difference in found.differences] == [
        "scrap mse: 3,100, committed 3,080 (allowed: 1e-06)",
        "cell `print(len(frame), 'rows')` line 1: '97 rows', committed '98 rows' (allowed: 0.001)",
        "cell `scores` row holdout, column mse: 3098.4, committed 3075.3 (allowed: 0.001)",
    ]
    assert (found.compared, found.differing) == (4, 3)


def test_outputs_are_counted_and_not_the_differences_in_them() -> None:
    executed = make_notebook()
    executed["cells"][1]["outputs"][0]["data"]["text/html"] = HTML.replace("3041.2", "1.5").replace("3075.3", "2.5")
    found = compare(make_notebook(), executed)
    assert (found.compared, found.differing, len(found.differences)) == (4, 1, 2)


def test_a_scrap_is_found_in_the_cell_that_hands_it_on() -> None:
    executed = make_notebook(mse=3098.4)
    executed["cells"][3]["outputs"] = make_scraps(mse=3098.4, version=1)
    missing, other = compare(make_notebook(), executed).differences[:2]
    assert (missing.where, missing.cell) == ("scrap run", "glue_results()")
    assert (other.where, other.cell) == ("scrap mse", "glue_results()")
    empty = {**make_notebook(), "cells": []}
    assert {found.cell for found in compare(empty, empty).differences} == {""}


def test_a_notebook_in_which_nothing_is_compared_says_so() -> None:
    silent: dict[str, Any] = {"metadata": {}, "cells": [make_cell("a", "pass")]}
    assert compare(silent, silent) == Comparison("n", skipped="not compared: it has nothing to compare")


def test_what_depends_on_a_scrap_is_compared_only_if_it_is_the_same() -> None:
    found = compare(make_notebook(), make_notebook(version=2))
    assert found.differences == ()
    assert found.compared == 3
    assert found.notes == ("cell `print(image)` not compared: version is 2 (committed: 1)",)
    whole = make_notebook()
    whole["metadata"]["mlops"]["check"]["if_same"] = ["version"]
    found = compare(whole, make_notebook(version=2, rows=0))
    assert (found.compared, found.skipped) == (0, "not compared: version is 2 (committed: 1)")


def test_a_declared_scrap_must_be_there_and_another_is_told() -> None:
    executed = make_notebook(new=1)
    executed["cells"][3]["outputs"] = make_scraps(mse=3075.26, version=1, new=1)
    found = compare(make_notebook(), executed)
    assert [str(difference) for difference in found.differences] == ["scrap run: was not handed on"]
    assert found.notes == ("handed on, but not declared in mlops.check: new",)


def test_a_value_that_was_never_committed_is_told() -> None:
    committed = make_notebook()
    committed["cells"][3]["outputs"] = make_scraps(version=1)
    committed["cells"][0]["outputs"] = []
    found = compare(committed, make_notebook())
    assert [str(difference) for difference in found.differences] == [
        "scrap mse: is declared, but has no committed value; run `make notebooks`",
        "cell `print(len(frame), 'rows')` shows: text, committed nothing",
    ]


def test_edited_cells_are_told_and_compared_all_the_same() -> None:
    committed = make_notebook(rows=97)
    committed["cells"][0]["source"] = ["print(len(frame), 'rows ')"]
    committed["cells"].append({**make_cell("e", "new = 1"), "metadata": {}})
    executed = make_notebook()
    executed["cells"].insert(1, {**make_cell("i", "alpha = 1"), "metadata": {"tags": ["injected-parameters"]}})
    found = compare(committed, executed)
    assert len(found.differences) == 1
    assert found.notes == ("edited since the run: `print(len(frame), 'rows ')`", "added since the run: `new = 1`")
    del executed["cells"][0]
    (gone,) = compare(committed, executed).differences
    assert str(gone) == "cell `print(len(frame), 'rows ')`: is not in the run"


def test_a_picture_is_compared_and_one_that_is_none_is_told() -> None:
    def with_picture(content: bytes) -> dict[str, Any]:
        encoded = base64.b64encode(content).decode()
        output = {"output_type": "display_data", "data": {"image/png": encoded, "text/plain": "<Figure>"}}
        return {"metadata": {}, "cells": [make_cell("a", "show()", output)]}

    first, second = draw(plot()), draw(plot(1.0))
    assert compare(with_picture(first), with_picture(first)).differences == ()
    (told,) = compare(with_picture(first), with_picture(second)).differences
    assert re.fullmatch(r"cell `show\(\)` picture: differs by 0\.8\d+ \(allowed: 0\.13\)", str(told))
    (told,) = compare(with_picture(first), with_picture(b"nothing")).differences
    assert str(told).startswith("cell `show()` picture: could not be compared: cannot identify image file")


def test_a_wrong_declaration_is_refused() -> None:
    committed = make_notebook()
    committed["metadata"]["mlops"]["check"]["number"] = 1
    with pytest.raises(UsageError, match="the metadata of n: mlops.check: .*unknown field `number`"):
        compare(committed, make_notebook())
    committed = make_notebook()
    committed["cells"][1]["metadata"]["mlops"] = {"check": {"numbers": -1}}
    with pytest.raises(UsageError, match="the metadata of cell b in n: mlops.check: .*>= 0"):
        compare(committed, make_notebook())


def test_kept_are_the_values_that_are_compared_or_depended_on() -> None:
    assert list_kept_scraps(decode(make_notebook()), "n") == {"mse", "version"}


def test_a_result_that_is_not_finite_equals_only_itself() -> None:
    nan, infinity = float("nan"), float("inf")
    for committed, found, differing in ((nan, nan, 0), (infinity, infinity, 0), (infinity, 5.0, 1), (nan, 5.0, 1)):
        pair = make_notebook(mse=committed), make_notebook(mse=found)
        assert compare(*pair).differing == differing * 2
        pair[0]["metadata"]["mlops"]["check"]["if_same"] = ["mse"]
        assert bool(compare(*pair).skipped) == bool(differing)


def test_cells_without_ids_are_compared_by_their_position() -> None:
    old = without_ids(make_notebook())
    assert compare(old, old) == Comparison("n", compared=4)
    upgraded = make_notebook(rows=97)  # papermill gives ids to its copy, and adds a cell
    upgraded["cells"].insert(1, {**make_cell("i", "alpha = 1"), "metadata": {"tags": ["injected-parameters"]}})
    for pair in ((old, upgraded), (make_notebook(), without_ids(upgraded))):
        found = compare(*pair)
        assert (found.compared, found.differing, found.notes) == (4, 1, ())
