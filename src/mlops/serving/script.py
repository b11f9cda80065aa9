"""The loading of an image's scoring script."""

import importlib.util
import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from .entry.azure import clear_raw, is_raw, provide_contrib

PACKAGE = "scoring_image_"  # each script gets a package of its own, so that relative imports work
_numbers = itertools.count(1)


class ScriptEnded(Exception):
    """An exception for a script that raised `SystemExit`, or that panicked in Rust. These are no `Exception`."""


@dataclass(frozen=True)
class Script:
    """A scoring script: its function ``run``, and whether this function has Azure's decorator ``@rawhttp``."""

    run: Callable[..., Any]
    raw: bool = False


def call_run(run: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Call a script's ``run`` and return its result. Whatever the script raises becomes an `Exception`.

    Only `KeyboardInterrupt` is raised as it is, because it ends the service.

    Raises
    ------
    ScriptEnded
        If the script raises something else that is not an `Exception`. The cause is what it raised.
    """
    try:
        return run(*given, **named)
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:  # otherwise, the client would wait for an answer forever
        raise ScriptEnded from error


def load_script(path: Path) -> Script:
    """Import the scoring script, call its ``init()``, and return the script.

    The script can import modules in its folder with relative imports (``from .features import x``) or by name.
    """
    package = ModuleType(f"{PACKAGE}{next(_numbers)}")
    package.__path__ = [str(path.parent)]
    spec = importlib.util.spec_from_file_location(f"{package.__name__}.score", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    sys.modules[package.__name__] = package
    for beside in path.parent.glob("*.py"):  # another image in this process can have modules with the same names
        sys.modules.pop(beside.stem, None)
    script = importlib.util.module_from_spec(spec)
    provide_contrib(path.read_bytes())
    clear_raw()
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(script)
        found = Script(script.run, is_raw())
        script.init()
    finally:
        sys.path.remove(str(path.parent))
    return found
