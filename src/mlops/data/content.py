"""The content of a data file, or of a folder of Parquet files, as files on this machine with their hash.

No content is ever in memory as a whole: files are hashed in chunks, and remote ones are copied to a scratch folder.
"""

import io
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlops.data.listing import explain_unreadable, fetch_file, find_files, split_name
from mlops.errors import IntegrityError, UsageError, quote_cause
from mlops.files.hashes import hash_file

Signature = tuple[int, int, int]


@dataclass(frozen=True)
class Content:
    """A data file, or a folder of Parquet files, on this machine.

    Parameters
    ----------
    url : str
        Its location.
    format : str
        One of `mlops.data.listing.FORMATS`.
    parts : tuple of Path
        The file, or each Parquet file of the folder, in the order of their names.
    signatures : tuple of Signature
        The properties of each part that change with its content, from before it was hashed.
    sha256 : str
        The hash of the file, or of the folder's files with their names.
    """

    url: str
    format: str
    parts: tuple[Path, ...]
    signatures: tuple[Signature, ...]
    sha256: str

    def pack(self) -> bytes:
        """Return the content as one file of the same format.

        Raises
        ------
        UsageError
            If the Parquet files of a folder do not fit together.
        """
        if len(self.parts) == 1:
            return self.parts[0].read_bytes()
        import pyarrow as pa  # takes 120 ms, and every command that opens a platform imports this module
        import pyarrow.parquet as pq

        try:
            tables = [pq.read_table(part, partitioning=None) for part in self.parts]
            packed = io.BytesIO()
            pq.write_table(pa.concat_tables(tables, promote_options="permissive"), packed)
        except (pa.ArrowException, OSError) as error:
            raise UsageError(f"The Parquet files of the folder do not fit together: {quote_cause(error)}.") from error
        return packed.getvalue()


@contextmanager
def open_content(url: str, sha256: str = "") -> Iterator[Content]:
    """Provide a data file, or a folder of Parquet files, for the time of a ``with`` statement.

    Parameters
    ----------
    url : str
        A path, or a URL with a scheme that fsspec knows. The ending of a file determines its format.
    sha256 : str
        The expected hash; empty to accept any.

    Raises
    ------
    IntegrityError
        If its hash differs, or a file changes before the end of the statement.
    UsageError
        If it cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="mlops-data-") as scratch:
        content = _find(url, Path(scratch))
        if sha256 not in ("", content.sha256):
            raise IntegrityError(
                f"The data file {url} has changed since it was tested (SHA-256 {content.sha256[:12]}…). Test it again."
            )
        try:
            yield content
        except Exception as error:  # a change can break any reader, in any way
            _require_unchanged(content, error)
            raise
        _require_unchanged(content)


def pack_file(file: Path, sha256: str = "") -> tuple[str, bytes]:
    """Return a data file's name and content. A folder of Parquet files becomes one file with all its rows.

    Raises
    ------
    IntegrityError
        If it does not have the hash `sha256`. An empty `sha256` allows any.
    UsageError
        If it cannot be read.
    """
    with open_content(str(file), sha256) as content:
        return split_name(file.name)[0] + content.format, content.pack()


def _require_unchanged(content: Content, cause: Exception | None = None) -> None:
    """Raise IntegrityError from `cause` if a file changed after it was signed."""
    try:
        found = _sign_files(content.parts)
    except OSError as error:
        raise IntegrityError(f"The data file {content.url} was deleted while it was read. Restore it.") from error
    if found != content.signatures:
        raise IntegrityError(f"The data file {content.url} changed while it was read. Test it again.") from cause


def _sign_files(files: Sequence[Path]) -> tuple[Signature, ...]:
    """Return the properties of files that change with their content.

    A file is hashed first and read again later. In between, these properties must stay the same.
    """
    found = [file.stat() for file in files]
    return tuple((state.st_ino, state.st_size, state.st_mtime_ns) for state in found)


def _find(url: str, scratch: Path) -> Content:
    found = find_files(url)
    with explain_unreadable(url):
        files = {name: fetch_file(found.system, place, scratch / name) for name, place in found.paths.items()}
        read = tuple(files[name] for name in found.parts)
        signatures = _sign_files(read)  # before they are hashed
        hashes = {name: hash_file(file) for name, file in files.items()}
    return Content(url, found.format, read, signatures, found.hash_content(hashes))
