"""The package `doubles`, whose modules are in ``tests/doubles``. Only ``tests/support`` is on the path."""

from pathlib import Path

__path__ = [str(Path(__file__).parents[1] / "doubles")]
