"""The search for scoring scripts that read the body of a request themselves, such as entry scripts for Azure."""

import ast
from pathlib import Path

DECORATORS = frozenset({"input_schema", "output_schema", "rawhttp"})
READERS = frozenset({"loads", "read_json", "StringIO", "literal_eval"})  # functions that read text, never an array
HEADERS = "request_headers"


def reads_body(script: Path) -> bool:
    """Return whether the function ``run`` of a script reads the body of a request itself.

    It does if it has a decorator of Azure (``@rawhttp``, ``@input_schema``), has a parameter for the headers of the
    request, or passes its first parameter to a function that reads text, such as ``json.loads``. The result is False
    for a script that is not valid Python, or that does not define ``run`` itself.
    """
    try:
        tree = ast.parse(script.read_bytes())
    except (SyntaxError, ValueError):  # `mlops.image.check` reports it
        return False
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run"]
    return bool(found) and _reads_body(found[-1])


def _reads_body(run: ast.FunctionDef) -> bool:
    names = [argument.arg for argument in (*run.args.posonlyargs, *run.args.args, *run.args.kwonlyargs)]
    if HEADERS in names or any(_name(decorator) in DECORATORS for decorator in run.decorator_list):
        return True
    calls = (node for node in ast.walk(run) if isinstance(node, ast.Call) and node.args)
    return any(_name(call) in READERS and getattr(call.args[0], "id", "") in names[:1] for call in calls)


def _name(node: ast.expr) -> str:
    function = node.func if isinstance(node, ast.Call) else node
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
