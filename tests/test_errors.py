"""The tree of errors: drawn correctly, and defined in one module."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from mlops import errors

TREE = re.compile(r"^ {4}([│ ├└─]*)(\w+)$", re.MULTILINE)


def list_branches(kind: type, depth: int = 0) -> Iterator[tuple[int, str]]:
    """Return the classes below one of errors.py, each after its base, in the order of the file."""
    yield depth, kind.__name__
    for name, below in vars(errors).items():
        if inspect.isclass(below) and below.__base__ is kind:
            assert name == below.__name__
            yield from list_branches(below, depth + 1)


def test_the_drawn_tree_is_the_tree() -> None:
    drawn = [(len(branch) // 4, name) for branch, name in TREE.findall(errors.__doc__ or "")]
    assert drawn == list(list_branches(errors.MlopsError))
    assert len(drawn) > 20


def test_every_error_says_in_one_sentence_what_happened() -> None:
    for _, name in list_branches(errors.MlopsError):
        said = vars(errors)[name].__doc__.splitlines()[0]
        assert re.fullmatch(r"[A-Z].*\.", said), name


def test_no_other_module_of_the_engine_defines_an_error() -> None:
    names = {name for _, name in list_branches(errors.MlopsError)}
    assert errors.__file__
    for path in Path(errors.__file__).parent.rglob("*.py"):
        if path == Path(errors.__file__):
            continue
        classes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]
        for found in classes:
            assert not {ast.unparse(base).rpartition(".")[2] for base in found.bases} & names, path


def test_the_engine_says_which_thing_is_missing() -> None:
    assert errors.__file__
    for path in Path(errors.__file__).parent.rglob("*.py"):
        assert "raise NotFoundError(" not in path.read_text(), path
