"""The Python code of an image, read without running it."""

import ast
import symtable
from collections.abc import Iterator
from pathlib import Path

from mlops.errors import ProblemError


def parse_code(file: Path, shown: str) -> ast.Module:
    """Return the syntax tree of a file.

    Parameters
    ----------
    file : Path
        The file.
    shown : str
        The name of the file in messages.

    Raises
    ------
    ProblemError
        If the file is not valid Python.
    """
    try:
        tree = ast.parse(file.read_bytes())
        compile(tree, shown, "exec", dont_inherit=True)  # finds more errors, such as two arguments with the same name
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise ProblemError(f"{shown}{line}: This is not valid Python ({error.msg}). Correct it.") from error
    except ValueError as error:
        raise ProblemError(f"{shown}: This is not valid Python ({error}). Correct it.") from error
    return tree


def list_defined(file: Path, shown: str) -> set[str]:
    """Return the names that a file defines or imports, including names that its functions declare with ``global``.

    The file must be valid Python.
    """
    content = file.read_bytes()  # in its declared encoding
    return {*_find_defined(symtable.symtable(content, shown, "exec"))}  # type: ignore[arg-type]  # of typeshed


def _find_defined(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        is_set = symbol.is_assigned() or symbol.is_imported()
        if is_set and (table.get_type() == "module" or symbol.is_declared_global()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _find_defined(inner)
