"""The loading of an image's scoring script."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def load_script(path: Path) -> ModuleType:
    """Import the scoring script and call its ``init()``. The script can import the modules beside it by their names."""
    spec = importlib.util.spec_from_file_location("score", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    for beside in path.parent.glob("*.py"):  # another image of this process may have modules of the same names
        sys.modules.pop(beside.stem, None)
    script = importlib.util.module_from_spec(spec)
    folder = str(path.parent)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(script)
        script.init()
    finally:
        sys.path.remove(folder)
    return script
