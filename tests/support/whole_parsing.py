"""Parsing that the garbage collector cannot disturb.

Before Python 3.11.8 and 3.12.2, `ast.parse` raises "AST constructor recursion depth mismatch" if a finalizer that the
garbage collector calls during it also parses: https://github.com/python/cpython/issues/106905. A finalizer that fails
does so, because pytest formats its traceback.
"""

import ast
import gc
from typing import Any

PARSE = ast.parse


def parse(*args: Any, **options: Any) -> Any:
    """Call `ast.parse` without garbage collection."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return PARSE(*args, **options)
    finally:
        if was_enabled:
            gc.enable()


def install() -> None:
    """Let all code of this process parse in this way."""
    ast.parse = parse
