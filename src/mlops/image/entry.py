"""The search for scoring scripts that read the body of a request themselves, and for those that load a runtime."""

import ast
from pathlib import Path

DECORATORS = frozenset({"input_schema", "output_schema", "rawhttp"})
READERS = frozenset({"loads", "read_json", "StringIO", "literal_eval"})  # functions that read text, never an array
HEADERS = "request_headers"
RUNTIMES = "serving.runtimes"  # the package in an image


def reads_body(script: Path) -> bool:
    """Return whether the function ``run`` of a script reads the body of a request itself.

    It does if it has a decorator of Azure (``@rawhttp``, ``@input_schema``), has a parameter for the headers of the
    request, or passes its first parameter to a function that reads text, such as ``json.loads``. The result is False
    for a script that is not valid Python, or that does not define ``run`` itself.
    """
    found = [node for node in _parse(script).body if isinstance(node, ast.FunctionDef) and node.name == "run"]
    return bool(found) and _reads_body(found[-1])


def imports_runtime(script: Path) -> bool:
    """Return whether a script imports the package that loads a model with its runtime.

    The result is False for a script that is not valid Python.
    """
    return any(RUNTIMES in _list_modules(node) for node in ast.walk(_parse(script)))


def _parse(script: Path) -> ast.Module:
    """Return the syntax tree of a script; an empty one if the script is not valid Python."""
    try:
        return ast.parse(script.read_bytes())
    except (SyntaxError, ValueError):  # `mlops.image.check` reports it
        return ast.Module([], [])


def _list_modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def _reads_body(run: ast.FunctionDef) -> bool:
    names = [argument.arg for argument in (*run.args.posonlyargs, *run.args.args, *run.args.kwonlyargs)]
    if HEADERS in names or any(_name(decorator) in DECORATORS for decorator in run.decorator_list):
        return True
    calls = (node for node in ast.walk(run) if isinstance(node, ast.Call) and node.args)
    return any(_name(call) in READERS and getattr(call.args[0], "id", "") in names[:1] for call in calls)


def _name(node: ast.expr) -> str:
    function = node.func if isinstance(node, ast.Call) else node
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
