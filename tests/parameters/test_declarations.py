"""The parameters that a notebook declares, and the values that they accept."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from checkout import list_tracked
from command_line import PROJECT
from given_parameters import TRAIN, load, write_notebook
from nbformat.v4 import new_code_cell, new_notebook

from mlops.errors import ParameterError
from mlops.parameters.declarations import Parameter, Setting, check_value, read_declarations
from mlops.parameters.lookup import RESERVED
from mlops.parameters.overrides import read_override


def test_a_declaration_is_a_literal_with_a_comment(tmp_path: Path) -> None:
    found = read_declarations(write_notebook(tmp_path / "02_train.ipynb", TRAIN))
    assert list(found)[:3] == ["alpha", "share", "seed"]
    assert found["alpha"] == Parameter("alpha", 0.4, "ridge penalty, no unit; in [0, inf)", "[0, inf)")
    assert found["share"] == Parameter("share", 0.2, "of the rows; in (0, 0.5]", "(0, 0.5]")
    assert found["solver"].options == ("svd", "least-squares")
    assert (found["offset"].default, found["offset"].interval, found["offset"].options) == (-1, "", ())


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("alpha", "a number in [0, inf)"),
        ("seed", "a whole number in [0, 100]"),
        ("weight", "a number in [0, inf)"),
        ("shuffle", "true or false"),
        ("solver", "one of svd, least-squares"),
        ("label", "text"),
        ("columns", "a list"),
    ],
)
def test_a_declaration_says_what_it_takes(tmp_path: Path, name: str, allowed: str) -> None:
    assert read_declarations(write_notebook(tmp_path / "02_train.ipynb", TRAIN))[name].describe() == allowed


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("alpha = -1.0  # in [0, inf)", "alpha is -1.0, but it must be a number in [0, inf)."),
        ('solver = "lu"  # one of: svd, qr', "solver is 'lu', but it must be one of svd, qr."),
        ('solver = "svd,qr"  # one of: svd, qr', "solver is 'svd,qr', but it must be one of svd, qr."),
    ],
)
def test_a_default_is_one_of_the_values_that_its_comment_allows(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ParameterError) as raised:
        read_declarations(write_notebook(tmp_path / "02_train.ipynb", line))
    assert str(raised.value) == f"{tmp_path}/02_train.ipynb: {said}"


def test_an_empty_default_stays_allowed_beside_options(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "02_train.ipynb", 'solver = ""  # empty: automatic; one of: svd, qr')
    solver = read_declarations(notebook)["solver"]
    assert solver.describe() == "one of svd, qr, or empty"
    assert [check_value(solver, Setting(value, "-p")) for value in ("", "qr")] == ["", "qr"]


def test_a_notebook_without_the_cell_declares_nothing(tmp_path: Path) -> None:
    nbformat.write(new_notebook(cells=[new_code_cell("a = 1")]), tmp_path / "a.ipynb")
    assert read_declarations(tmp_path / "a.ipynb") == {}


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("seed = alpha", "'seed = alpha'"),
        ("folder = home() / 'x'", "\"folder = home() / 'x'\""),
        ("import os", "'import os'"),
        ("alpha: float", "'alpha: float'"),
        ("alpha = -3*1.0", "'alpha = -3 * 1.0'"),
        ("first, second = 1, 2", "'first, second = (1, 2)'"),
        ("first = second = 1", "'first = second = 1'"),
        ("label = f'{1}'", "\"label = f'{1}'\""),
    ],
)
def test_a_line_that_is_no_literal_is_refused(tmp_path: Path, line: str, shown: str) -> None:
    path = write_notebook(tmp_path / "02_train.ipynb", line)
    with pytest.raises(ParameterError, match=re.escape(f"{path}: {shown} is not an assignment of a literal. Write")):
        read_declarations(path)


@pytest.mark.parametrize("line", ["%matplotlib inline", "alpha =", "alpha = (0.4", "alpha 0.4"])
def test_a_cell_that_is_no_python_is_refused(tmp_path: Path, line: str) -> None:
    path = write_notebook(tmp_path / "02_train.ipynb", f"seed = 0\n{line}")
    with pytest.raises(ParameterError, match=rf"^{re.escape(str(path))}: .*parameters cell"):
        read_declarations(path)


@pytest.mark.parametrize("default", ["None", "{'a': 1}", "(1, 2)", "b'a'", "1j"])
def test_a_literal_of_another_kind_is_refused(tmp_path: Path, default: str) -> None:
    path = write_notebook(tmp_path / "02_train.ipynb", f"given = {default}")
    with pytest.raises(ParameterError) as raised:
        read_declarations(path)
    assert (
        str(raised.value)
        == f"{path}: the default of given is {default}, but it must be text, a number, a boolean or a list."
    )


WRONG = [
    ("alpha", "much", "'much', but it must be a number in [0, inf)"),
    ("alpha", "-0.1", "-0.1, but it must be a number in [0, inf)"),
    ("alpha", "true", "True, but it must be a number in [0, inf)"),
    ("alpha", "nan", "'nan', but it must be a number in [0, inf)"),
    ("alpha", ".nan", "nan, but it must be a number in [0, inf)"),
    ("alpha", ".inf", "inf, but it must be a number in [0, inf)"),
    ("alpha", "[1]", "[1], but it must be a number in [0, inf)"),
    ("alpha", "", "None, but it must be a number in [0, inf)"),
    ("alpha", "1" * 400, f"{'1' * 400}, but it must be a number in [0, inf)"),
    ("share", "0", "0, but it must be a number in (0, 0.5]"),
    ("share", "0.51", "0.51, but it must be a number in (0, 0.5]"),
    ("seed", "1.5", "1.5, but it must be a whole number in [0, 100]"),
    ("seed", "true", "True, but it must be a whole number in [0, 100]"),
    ("seed", "101", "101, but it must be a whole number in [0, 100]"),
    ("shuffle", "1", "1, but it must be true or false"),
    ("shuffle", "maybe", "'maybe', but it must be true or false"),
    ("columns", "AGE", "'AGE', but it must be a list"),
    ("solver", "lasso", "'lasso', but it must be one of svd, least-squares"),
]


@pytest.mark.parametrize(("name", "text", "message"), WRONG, ids=[f"{name}={text[:9]}" for name, text, _ in WRONG])
def test_a_wrong_value_is_named_wherever_it_stands(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(ParameterError) as raised:
        load(tmp_path / "file", base=f"platform: local\nsteps:\n  train:\n    {name}: {text}")
    assert str(raised.value) == f"parameters/base.yml: steps.train.{name} is {message}."
    with pytest.raises(ParameterError) as raised:
        load(tmp_path / "option", f"train.{name}={text}")
    allowed = message[message.index(", but it must be") :]
    assert str(raised.value) == f"-p train.{name} is {text!r}{allowed}."


def test_a_number_for_a_text_is_refused_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"^parameters/base.yml: steps.train.label is 7, but it must be text\.$"):
        load(tmp_path, base="platform: local\nsteps: {train: {label: 7}}")


RIGHT: list[tuple[str, str, Any]] = [
    ("alpha", "1e-3", 0.001),
    ("alpha", "1", 1.0),
    ("alpha", "0", 0.0),
    ("share", "0.5", 0.5),
    ("seed", "100", 100),
    ("offset", "-7", -7),
    ("shuffle", "false", False),
    ("columns", "[AGE, SEX]", ["AGE", "SEX"]),
    ("solver", "least-squares", "least-squares"),
]


@pytest.mark.parametrize(("name", "text", "value"), RIGHT, ids=[f"{name}={text}" for name, text, _ in RIGHT])
def test_a_right_value_has_the_declared_type(tmp_path: Path, name: str, text: str, value: Any) -> None:
    file = load(tmp_path / "file", base=f"platform: local\nsteps:\n  train:\n    {name}: {text}")
    option = load(tmp_path / "option", f"train.{name}={text}")
    for found in (file.values["train"][name], option.values["train"][name]):
        assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("line", "text", "value"),
    [
        ("x = 1  # in [0, inf)", "0.5", 0.5),
        ("x = 1  # in [0, inf)", "2", 2),
        ("x = 1  # in [0, inf)", "2.0", 2),
        ("x: float = 1", "0.5", 0.5),
        ("x: int = 1  # in [0, 9]", "2", 2),
        ("x = 1", "2", 2),
        ('x: list[str] = ["a"]', "[b]", ["b"]),
    ],
)
def test_the_type_is_that_of_the_comment_or_annotation(tmp_path: Path, line: str, text: str, value: Any) -> None:
    parameter = read_declarations(write_notebook(tmp_path / "02_train.ipynb", line))["x"]
    found = check_value(parameter, read_override(f"train.x={text}").as_setting(parameter))
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("line", "text", "said"),
    [
        ("x = 1  # in [0, inf)", "abc", "-p train.x is 'abc', but it must be a number in [0, inf)."),
        ("x = 1", "0.5", "-p train.x is '0.5', but it must be a whole number."),
        ("x: int = 1  # in [0, 9]", "0.5", "-p train.x is '0.5', but it must be a whole number in [0, 9]."),
    ],
)
def test_a_value_of_another_type_is_refused(tmp_path: Path, line: str, text: str, said: str) -> None:
    parameter = read_declarations(write_notebook(tmp_path / "02_train.ipynb", line))["x"]
    with pytest.raises(ParameterError) as raised:
        check_value(parameter, read_override(f"train.x={text}").as_setting(parameter))
    assert str(raised.value) == said


@pytest.mark.parametrize("line", ["x: int = 0.5", "x = 0.5  # a whole number", "x: Path = 1"])
def test_a_default_has_the_declared_type(tmp_path: Path, line: str) -> None:
    with pytest.raises(
        ParameterError, match=r"x (is 0.5, but it must be a whole number|has the type Path, but it must)"
    ):
        read_declarations(write_notebook(tmp_path / "02_train.ipynb", line))


@pytest.mark.parametrize("line", ['name = ""  # text; in [0, 1]', "alpha = 1.0  # in [low, high]"])
def test_an_interval_that_means_nothing_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ParameterError, match="interval"):
        read_declarations(write_notebook(tmp_path / "02_train.ipynb", line))


@pytest.mark.parametrize("path", list_tracked(PROJECT, "notebooks/*.ipynb"), ids=lambda path: path.stem)
def test_a_committed_notebook_explains_its_parameters(path: Path) -> None:
    declared = read_declarations(path)
    assert "run_folder" in declared
    assert [name for name, parameter in declared.items() if len(parameter.comment) < 10] == []
    numbers = [parameter for parameter in declared.values() if type(parameter.default) in (int, float)]
    assert [parameter.name for parameter in numbers if not parameter.interval] == []
    told = [declared[name].comment for name in RESERVED if name in declared and name != "environment"]
    assert all(comment.endswith("the runner sets it") for comment in told)
