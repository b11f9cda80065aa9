"""Loading a problem by the name of its package."""

from pathlib import Path

import pytest

from mlops.errors import ProblemError
from mlops.problem import load


def test_a_problem_is_loaded_by_the_name_of_its_package() -> None:
    assert load("progression").name == "diabetes"
    assert load("progression") is load("progression")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("", None, "parameters/base.yml sets `problem` to '', which is not the name of a package."),
        (
            "no_such",
            None,
            "`problem` in parameters/base.yml is 'no_such', but there is no such package. Create src/no_such/, or",
        ),
        ("empty_one", "", "The package 'empty_one' declares no problem: "),
    ],
)
def test_a_problem_that_cannot_be_loaded_says_why(
    name: str, content: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    if content is not None:
        (tmp_path / f"{name}.py").write_text(content)
    with pytest.raises(ProblemError) as raised:
        load(name)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("__init__", "import nothing_at_all", "1: ModuleNotFoundError: No module named 'nothing_at_all'. Correct "),
        ("__init__", "\n{}['plan']", "2: KeyError: 'plan'. Correct this line."),
        ("__init__", "open('/no/such/file')", "1: FileNotFoundError: [Errno 2] No such file or directory: '/no/such/f"),
        ("__init__", "raise RuntimeError('no data.')", "1: RuntimeError: no data. Correct this line."),
        ("__init__", "raise SystemExit(3)", "1: SystemExit: 3. Correct this line."),
        ("__init__", "import json\njson.loads('{')", "2: JSONDecodeError: Expecting property name enclosed in double "),
        ("__init__", "\nproblem = (", "2: '(' was never closed. Correct this line."),
        ("data", "ROWS = 1 / 0", "1: ZeroDivisionError: division by zero. Correct this line."),
        ("data", "def read(:", "1: invalid syntax. Correct this line."),
    ],
)
def test_a_package_that_cannot_be_imported_names_the_line(
    file: str, content: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "broken_package"
    package.mkdir()
    (package / "__init__.py").write_text("from broken_package import data\n")
    (package / f"{file}.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ProblemError) as raised:
        load(package.name)
    place = f"{package / file}.py, line "
    assert str(raised.value).startswith(f"Could not import the problem 'broken_package'. {place}{message}")


def test_a_wrong_declaration_keeps_its_own_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "wrong_one.py").write_text("from mlops.problem import Column\nColumn('a', kind='text')\n")
    with pytest.raises(ProblemError, match=r"^The column 'a' has the kind 'text'\."):
        load("wrong_one")
