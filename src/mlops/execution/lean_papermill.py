"""An import of papermill that skips its clients for cloud storage. Import this module before papermill."""

# papermill's clients for Azure, S3, HDFS and GitHub take 0.6 s of the 0.8 s for importing papermill. They are never
# used, because notebooks are read from disk and written by `store`.

import sys
from collections.abc import Iterator
from contextlib import contextmanager

UNUSED = ("papermill.s3", "papermill.adl", "papermill.abs", "gcsfs", "pyarrow.fs", "github")


@contextmanager
def _make_unimportable(names: tuple[str, ...]) -> Iterator[None]:
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _make_unimportable(UNUSED):
    import papermill.execute  # noqa: F401
