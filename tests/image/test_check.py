"""The check of the files of an image before anything runs."""

from pathlib import Path

import pytest

from mlops.errors import ProblemError
from mlops.image.check import check_sources
from mlops.image.sources import ImageSources, find_sources
from mlops.problem import load
from mlops.workspace import find_workspace


def check(tmp_path: Path, script: str) -> None:
    """Check a scoring script with the lock of the problem of the tests."""
    lock = find_sources(load("progression"), find_workspace().project).requirements
    path = tmp_path / "src" / "churn" / "score.py"
    path.parent.mkdir(parents=True)
    path.write_text(script)
    assert check_sources(ImageSources(tmp_path, path, lock, (), b"{}")) == []


@pytest.mark.parametrize(
    "script",
    [
        "def init(): pass\ndef run(data): return data",
        "from serving import init, run as other\nrun = other",
        "from numpy import *",
        "if True:\n    def init(): pass\nasync def run(data): pass",
        "def init():\n    global run\n    run = print",
        "def init():\n    def choose():\n        global run\n        from json import loads as run\n    choose()",
    ],
)
def test_the_functions_of_the_server_can_be_defined_in_any_way(tmp_path: Path, script: str) -> None:
    check(tmp_path, script)


@pytest.mark.parametrize(
    ("script", "missing"),
    [
        ("", "init() and run()"),
        ("def init(): run(1)", "run()"),
        ("def init():\n    global run\n    run(1)", "run()"),
        ("def init():\n    run = print\n    def call(): run(1)", "run()"),
        ("class Model:\n    def init(self): pass\n    def run(self): pass", "init() and run()"),
    ],
)
def test_a_function_that_the_server_calls_is_missing(tmp_path: Path, script: str, missing: str) -> None:
    with pytest.raises(ProblemError) as caught:
        check(tmp_path, script)
    assert str(caught.value).startswith(
        f"src/churn/score.py does not define {missing}, which the server calls. Define "
    )
