"""The names in the code of a notebook, found without running the code."""

# The cell that declares the parameters is left out.

import ast
import json
import re
import symtable
from collections.abc import Callable
from pathlib import Path

from mlops.parameters.declarations import TAG

MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)  # IPython commands, which are not valid Python
WORD = re.compile(r"\w+")
HANDING_ON = "glue_results"  # the function that stores results; its keyword arguments are their names


def list_names(notebook: Path) -> set[str]:
    """Return every name in the code of a notebook."""
    return _collect(notebook, _find_names)


def list_variables(notebook: Path) -> set[str]:
    """Return the variables that the cells of a notebook set or import."""
    return _collect(notebook, _find_variables)


def list_results(notebook: Path) -> set[str]:
    """Return the names of the results that a notebook stores with keyword arguments, such as ``reason=...``."""
    return _collect(notebook, _find_results)


def _collect(notebook: Path, find: Callable[[str], set[str]]) -> set[str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code" and TAG not in cell["metadata"].get("tags", [])]
    return {name for cell in code for name in find("".join(cell["source"]))}


def _parse(source: str) -> ast.Module | None:
    try:
        return ast.parse(MAGIC.sub("", source))
    except SyntaxError:  # not reported here, because the cell will fail when it runs
        return None


def _find_names(source: str) -> set[str]:
    tree = _parse(source)
    if tree is None:
        return {*WORD.findall(source)}
    magics = {word for line in MAGIC.findall(source) for word in WORD.findall(line)}
    return magics | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _find_variables(source: str) -> set[str]:
    tree = _parse(source)
    if tree is None:
        return set()
    try:
        symbols = symtable.symtable(ast.unparse(_Generators().visit(tree)), "cell", "exec").get_symbols()
    except SyntaxError:  # symtable rejects more than ast.parse
        return set()
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}


def _find_results(source: str) -> set[str]:
    calls = [node for node in ast.walk(_parse(source) or ast.Module([], [])) if isinstance(node, ast.Call)]
    handing = [call for call in calls if ast.unparse(call.func).split(".")[-1] == HANDING_ON]
    return {keyword.arg for call in handing for keyword in call.keywords if keyword.arg}


class _Generators(ast.NodeTransformer):
    """A transformer that replaces comprehensions with generators.

    Since Python 3.12, symtable lists the variables of a comprehension as variables of the code around it.
    """

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self.generic_visit(ast.GeneratorExp(node.elt, node.generators))

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        return self.generic_visit(ast.GeneratorExp(node.elt, node.generators))

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        return self.generic_visit(ast.GeneratorExp(ast.Tuple([node.key, node.value], ast.Load()), node.generators))
