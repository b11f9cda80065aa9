"""The check of the imports of a problem's package."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mlops.errors import ProblemError
from mlops.image.code import parse_code
from mlops.problem import Problem
from mlops.problem.image_files import SCORING_SCRIPT

HEAVY = ("sklearn", "matplotlib", "pandas", "numpy")  # numpy is last, because the others import it
MOST_MODULES = 50  # in addition to those that mlops.problem imports; numpy alone imports 130
ENGINE = "mlops"
ALLOWED = "mlops.problem"
PROBE = """
import importlib, json, sys
sys.path[:], package = json.loads(sys.argv[1])
import mlops.problem
known = set(sys.modules)
importlib.import_module(package)
print(json.dumps(sorted(set(sys.modules) - known)))
"""


def check_imports(problem: Problem) -> None:
    """Check that the package of a problem is quick to import, and imports only allowed modules of the engine.

    Raises
    ------
    ProblemError
        If importing the package also imports numpy, pandas, scikit-learn, matplotlib or too many modules; if one of its
        modules is not valid Python, or imports a part of `mlops` other than `mlops.problem`; or if the scoring script
        or an image file imports `mlops`.
    """
    _check_weight_in_new_process(problem)
    beside = (SCORING_SCRIPT, *problem.image_files)
    for path in sorted(problem.folder.rglob("*.py")):
        in_image = path.parent == problem.folder and path.name in beside
        shown = str(path.relative_to(problem.folder.parent))
        for module, line in _find_imports(path, shown):
            if not _is_part(module, ENGINE) or (_is_part(module, ALLOWED) and not in_image):
                continue
            place = f"{shown}, line {line}, imports {module}"
            if in_image:
                raise ProblemError(
                    f"{place}, but an image does not contain {ENGINE}. Import only packages from the lock of the image."
                )
            raise ProblemError(f"{place}. A problem can import only {ALLOWED}.")


def _check_weight_in_new_process(problem: Problem) -> None:
    package = type(problem).__module__.partition(".")[0]
    paths = [str(problem.folder.parent), *sys.path]
    command = [sys.executable, "-c", PROBE, json.dumps([paths, package])]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        cause = (ran.stderr.strip().splitlines() or ["unknown"])[-1]
        raise ProblemError(f"Could not import the package {package!r} in a new process: {cause}")
    imported = json.loads(ran.stdout.splitlines()[-1])
    heavy = next((name for name in HEAVY if name in imported), None)
    if heavy:
        raise ProblemError(
            f"Importing the package {package!r} also imports {heavy}, which slows down every command. Import {heavy} "
            "inside the methods that need it."
        )
    if len(imported) > MOST_MODULES:
        tops = sorted({name.partition(".")[0] for name in imported if not name.startswith("_")} - {package})
        raise ProblemError(
            f"Importing the package {package!r} loads {len(imported)} modules, but at most {MOST_MODULES} are allowed. "
            f"They belong to: {', '.join(tops)}. Import these libraries inside the methods that need them."
        )


def _find_imports(path: Path, shown: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(parse_code(path, shown)):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module] if node.module != ENGINE else [f"{ENGINE}.{name.name}" for name in node.names]
            yield from ((name, node.lineno) for name in names)


def _is_part(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
