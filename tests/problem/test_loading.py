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
        ("", None, "The problem is set to '', which is not the name of a package. Correct `problem` in"),
        (
            "no_such",
            None,
            "There is no package 'no_such' to declare the problem. Create src/no_such/, or set",
        ),
        ("empty_one", "", "The package 'empty_one' declares no problem: "),
        ("bad_import", "import nothing_at_all", "Could not import the problem 'bad_import': No module named 'nothing_"),
        ("bad_key", "{}['plan']", "Could not import the problem 'bad_key': KeyError: 'plan'."),
        ("bad_file", "open('/no/such/file')", "Could not import the problem 'bad_file': FileNotFoundError: "),
        (
            "bad_state",
            "raise RuntimeError('no data')",
            "Could not import the problem 'bad_state': RuntimeError: no data.",
        ),
        ("bad_exit", "raise SystemExit(3)", "Could not import the problem 'bad_exit': SystemExit: 3."),
        ("bad_share", "1 / 0", "Could not import the problem 'bad_share': ZeroDivisionError: division by zero."),
        ("bad_syntax", "problem = (", "Could not import the problem 'bad_syntax': "),
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


def test_a_wrong_declaration_keeps_its_own_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "wrong_one.py").write_text("from mlops.problem import Column\nColumn('a', kind='text')\n")
    with pytest.raises(ProblemError, match=r"^The column 'a' has the kind 'text'\."):
        load("wrong_one")
