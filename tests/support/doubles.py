"""The package of doubles: this folder alone is on the path, and `doubles.azure` is ``tests/doubles/azure``."""

from pathlib import Path

__path__ = [str(Path(__file__).parents[1] / "doubles")]
