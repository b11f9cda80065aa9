"""No finalizer disturbs a test that parses Python."""

import ast
import gc

import pytest

SOURCE = "\n".join(f"name_{number} = [{number}, 'text']" for number in range(500))


class Fails:
    """An object whose finalizer fails, and that only the garbage collector deletes."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        raise ValueError("it fails")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_finalizer_that_fails_does_not_disturb_a_parse() -> None:
    before = gc.get_threshold()
    gc.set_threshold(5)
    try:
        for _ in range(10):
            Fails()
            assert len(ast.parse(SOURCE).body) == 500
    finally:
        gc.set_threshold(*before)
        gc.collect()
