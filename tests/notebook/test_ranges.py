"""The ranges of parameters are checked where a notebook is run by hand, too."""

import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from mlops.errors import ParameterError, StepFailed
from mlops.execution.notebook import execute
from mlops.kernels.parent_client import connect, find_key, start_parent
from mlops.notebook import ranges
from mlops.notebook.ranges import CellCheck, check_cell


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("alpha = -1  # penalty; in [0, inf)", "alpha is -1, but it must be a number in [0, inf)."),
        ("folds = 2.5  # a whole number in [2, 9]", "folds is 2.5, but it must be a whole number in [2, 9]."),
        ("share: float = 2  # of all; in (0, 1]", "share is 2, but it must be a number in (0, 1]."),
        (
            "alpha = -3*1.0  # penalty; in [0, inf)",
            "'alpha = -3 * 1.0' is not an assignment of a literal. Write only literals in the parameters cell, as in "
            "`name = 0.5`.",
        ),
        ("seed = 0  # any\nshare = 1.5  # of all; in (0, 1]", "share is 1.5, but it must be a number in (0, 1]."),
        ('where = "moon"  # one of: qa, production', "where is 'moon', but it must be one of qa, production."),
        ('name = "a b"  # matching [a-z]+', "name is 'a b', but it must be text matching [a-z]+."),
        (
            'alpha = "1"  # penalty; in [0, inf)',
            "alpha is '1', but it must be a number in [0, inf).",
        ),
    ],
)
def test_a_value_that_its_comment_excludes_is_refused(cell: str, said: str) -> None:
    with pytest.raises(ParameterError) as raised:
        check_cell(cell.splitlines(keepends=True))
    assert str(raised.value) == f"parameters cell: {said}"


@pytest.mark.parametrize(
    "cell",
    [
        "alpha = 0.5  # penalty; in [0, inf)",
        "# Parameters\nalpha = -1\n",  # as papermill injects them, into a notebook that declares no ranges
        "alpha = compute()  # penalty, no unit",
        "for alpha in values:  # in [0, 1]\n    print(alpha)",
        "%matplotlib inline\nalpha = -1  # in [0, 1]",
        "# in [0, 1]",
        "",
    ],
)
def test_every_other_cell_is_left_alone(cell: str) -> None:
    lines = cell.splitlines(keepends=True)
    assert CellCheck()(lines) == lines


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("alpha = compute()  # penalty; in [0, inf)", "alpha is -1.0, but it must be a number in [0, inf)."),
        ("x = None\nalpha = compute()  # in [0, inf)", "alpha is -1.0, but it must be a number in [0, inf)."),
        ("folds = compute()  # a whole number in [-2, 9]", "folds is -1.0, but it must be a whole number in [-2, 9]."),
        ("seed = 0  # in [1, 9]\nalpha = compute()", "seed is 0, but it must be a number in [1, 9]."),
        ("where = str(\n    compute()\n)  # one of: qa, moon", "where is '-1.0', but it must be one of qa, moon."),
        ("k = 9; alpha = compute()  # in [0, inf)", "alpha is -1.0, but it must be a number in [0, inf)."),
        ("alpha = compute(); k = (\n    9\n)  # in [10, 20]", "k is 9, but it must be a number in [10, 20]."),
        ("name = str(compute())  # matching [a-z]+", "name is '-1.0', but it must be text matching [a-z]+."),
    ],
)
def test_a_computed_value_is_checked_when_the_variable_has_it(cell: str, said: str) -> None:
    check = CellCheck()
    code = check(cell.splitlines(keepends=True))
    for compute in (lambda: -1.0, lambda: np.float64(-1)):
        with pytest.raises(ParameterError) as raised:
            exec("".join(code), {"compute": compute})
        assert str(raised.value) == f"parameters cell: {said}"
    assert "".join(code).startswith(cell)


def test_a_computed_value_that_is_allowed_declares_the_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    check = CellCheck()
    monkeypatch.setattr(ranges, "check_cell", check)  # the check of this kernel
    exec("".join(check(["alpha = compute()  # penalty; in [0, inf)"])), {"compute": lambda: 1})
    with pytest.raises(ParameterError, match="The injected value of alpha is -1, but"):
        check(["# Parameters\n", "alpha = -1\n"])


@pytest.mark.parametrize("cell", ["n = compute(); k = 3  # in [1, 5]", "n = compute(); k = (\n    3\n)  # in [1, 5]"])
def test_assignments_that_share_a_line_are_checked_one_by_one(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check = CellCheck()
    monkeypatch.setattr(ranges, "check_cell", check)  # the check of this kernel
    exec("".join(check(cell.splitlines(keepends=True))), {"compute": lambda: 2})
    with pytest.raises(ParameterError, match="The injected value of k is 9, but it must be a number in"):
        check(["# Parameters\n", "k = 9\n"])


def test_a_computed_value_that_cannot_be_checked_is_named() -> None:
    code = "".join(CellCheck()(["share = compute()  # of all; in [0, 1]"]))
    with pytest.warns(UserWarning, match="share was not checked, because its value is of type ndarray") as warned:
        exec(code, {"compute": lambda: np.zeros(2)})
    assert len(warned) == 1
    code = "".join(CellCheck()(["rows = compute()  # rows matching the key"]))
    exec(code, {"compute": lambda: ["a"]})


def test_a_value_that_papermill_alone_injects_is_checked() -> None:
    check = CellCheck()
    check(["alpha = 0.5  # penalty; in [0, inf)\n", 'where = "qa"  # one of: qa, production'])
    with pytest.raises(ParameterError) as raised:
        check(["# Parameters\n", "alpha = -1\n"])
    assert str(raised.value) == "The injected value of alpha is -1, but it must be a number in [0, inf)."
    for cell in ('# Parameters\nalpha = 2\nwhere = "production"\n', "# Parameters\nalpha = -compute()\n"):
        assert check([cell]) == [cell]
    with pytest.raises(ParameterError) as raised:
        check(["# Parameters\n", "alfa = 0.5\n"])
    assert str(raised.value) == "This notebook has no parameter 'alfa'. Did you mean 'alpha'? Known: alpha, where."


def test_an_unknown_name_is_refused_if_no_parameter_has_a_range_either() -> None:
    check = CellCheck()
    check(["build_id = ''  # id of the build\n", "limits = None"])  # not a cell of parameters
    check(["build_id = ''  # id of the build"])
    check(["weights = [1, 2]"])
    assert check(["# Parameters\n", "build_id = '7'\n"]) == ["# Parameters\n", "build_id = '7'\n"]
    for cell, said in {
        "build = '7'": "This notebook has no parameter 'build'. Did you mean 'build_id'? Known: build_id.",
        "build_id = 7": "The injected value of build_id is 7, but it must be text.",
    }.items():
        with pytest.raises(ParameterError) as raised:
            check(["# Parameters\n", cell])
        assert str(raised.value) == said


def test_no_parent_imports_what_must_register_in_each_kernel() -> None:
    """In a parent, the package finds no IPython to register the check with, and a fork would not import it again."""
    key = find_key()
    assert key is not None
    start_parent(key)
    deadline = time.monotonic() + 60
    while not (connection := connect(key, start=False)):  # until its imports are done
        assert time.monotonic() < deadline
        time.sleep(0.02)
    connection.channel.close()
    cell = nbformat.v4.new_code_cell("import sys; ['mlops.scraps' in sys.modules, 'mlops.notebook' in sys.modules]")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    assert cell.outputs[0].data["text/plain"] == "[True, False]"


@pytest.mark.parametrize("value", ["-1", "int('-1')"])
def test_a_kernel_does_not_run_such_a_cell(tmp_path: Path, value: str) -> None:
    cells = ["from mlops.notebook import handoff", "x = 1  # in [0, 9]", f"alpha = {value}  # in [0, 9]", "print(1)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.cells[1].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, tmp_path / "source.ipynb")
    with pytest.raises(StepFailed, match="ParameterError in .*: parameters cell: alpha is -1, but it must be a n."):
        execute(tmp_path / "source.ipynb", tmp_path / "copy.ipynb", {"x": 2}, seconds=60)
    assert nbformat.read(tmp_path / "copy.ipynb", as_version=4).cells[-1].outputs == []
