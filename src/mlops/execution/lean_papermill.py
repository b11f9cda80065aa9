"""The import of papermill without its cloud storage.

Runs read notebooks from disk, and `store` saves the copies, so papermill's clients of Azure, S3, HDFS and GitHub are
never used. Importing them takes 0.6 s of 0.8 s, for which a run without a warm parent would wait. Import this module
before papermill.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

UNUSED = ("papermill.s3", "papermill.adl", "papermill.abs", "gcsfs", "pyarrow.fs", "github")


@contextmanager
def _hide(names: tuple[str, ...]) -> Iterator[None]:
    """Make importing these modules fail, as if they were not installed, unless they are already imported."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _hide(UNUSED):
    import papermill.execute  # noqa: F401
