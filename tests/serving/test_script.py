"""The loading of a scoring script and of the modules beside it."""

import sys
from pathlib import Path

from mlops.serving.script import load_script

SCRIPT = """
from shared_features import WEIGHT
from .shared_features import WEIGHT as RELATIVE
def init():
    global late
    import shared_late as late
def run(data):
    from . import shared_late
    return WEIGHT, RELATIVE, late.WEIGHT, shared_late.WEIGHT
"""


def write(folder: Path, weight: int) -> Path:
    """Write a script and two modules beside it."""
    folder.mkdir()
    (folder / "score.py").write_text(SCRIPT)
    for name in ("shared_features", "shared_late"):
        (folder / f"{name}.py").write_text(f"WEIGHT = {weight}\n")
    return folder / "score.py"


def test_each_script_imports_the_modules_beside_it(tmp_path: Path) -> None:
    """Relatively or by their names, and even if one process loads several images, as the platform in memory does."""
    before = list(sys.path)
    first, second = load_script(write(tmp_path / "one", 1)), load_script(write(tmp_path / "two", 2))
    assert (first.run(None), second.run(None)) == ((1, 1, 1, 1), (2, 2, 2, 2))
    assert sys.path == before
