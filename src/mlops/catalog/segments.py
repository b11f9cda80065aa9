"""The segments of a service, on this machine or uploaded. A segment that is in both places is read once."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from mlops.errors import IntegrityError, PlatformError, UsageError, quote_cause
from mlops.platform.datasets import CollectedPlace
from mlops.serving.collection.layout import UnknownFormat
from mlops.serving.collection.segments import CLOSED, DAMAGED, OPEN, Segment, decode_segment, find_day, list_segments
from mlops.serving.collection.stores import Store, open_store, split_upload, warn_if_slow

PATIENCE_SECONDS = 3.0  # a command that prints nothing for longer seems to hang


def open_uploads(place: CollectedPlace) -> Store | None:
    """Return the store of the uploads; None if the service uploads nothing.

    Raises
    ------
    UsageError
        If the URL of the store is wrong, or a package that the store needs is missing.
    PlatformError
        If the store is unavailable.
    """
    if not place.url:
        return None
    try:
        return open_store(place.url, place.options)
    except (ImportError, ValueError) as error:
        raise UsageError(
            f"The uploads in {place.url} cannot be opened: {quote_cause(error)}. Correct the URL, or install the "
            "packages that it needs."
        ) from error
    except OSError as error:
        raise PlatformError(f"Could not reach {place.url}: {quote_cause(error)}. Try again.") from error


def list_uploads(store: Store, url: str) -> list[str]:
    """Return the names of all uploads, sorted.

    Raises
    ------
    PlatformError
        If the store is unavailable.
    """
    try:
        with warn_if_slow(f"Still waiting for the list of uploads in {url}.", PATIENCE_SECONDS):
            return sorted(store.list_names())
    except Exception as error:  # each kind of store raises errors of its own
        raise PlatformError(
            f"Could not list the uploads in {url}: {quote_cause(error)}. Check the URL and the network, then run the "
            "command again."
        ) from error


def read_segments(place: CollectedPlace, first: str = "", last: str = "") -> Iterator[tuple[str, Segment]]:
    """Yield the name and the content of each segment: first those on this machine, then those that are only uploaded.

    Parameters
    ----------
    place : CollectedPlace
        Where the segments are.
    first, last : str
        The first and the last day to read, such as "2026-11-27"; empty for no limit.

    Raises
    ------
    IntegrityError
        If an upload is damaged.
    PlatformError
        If the uploads cannot be read.
    """
    seen = set()
    # A segment can be uploaded at any time, so the uploads are listed after the segments on this machine were read.
    for name, segment in _read_local(place.folder, first, last):
        seen.add(name)
        yield name, segment
    store = open_uploads(place)
    for upload in list_uploads(store, place.url) if store else ():
        _, day, name = split_upload(upload)
        if store and name not in seen and _is_between(day, first, last):
            found = _read_upload(store, upload)
            if found:
                yield name, found


def list_versions(place: CollectedPlace) -> list[str]:
    """Return the versions of models whose rows were collected. Only the names of uploads are read.

    Raises
    ------
    PlatformError
        If the uploads cannot be listed.
    """
    local = {segment.header.version for _, segment in _read_local(place.folder, "", "")}
    store = open_uploads(place)
    folders = (split_upload(name)[0] for name in (list_uploads(store, place.url) if store else ()))
    found = local | {unquote(folder.rpartition("/")[2]) for folder in folders}
    return sorted(found, key=lambda version: (len(version), version))  # 10 follows 9


def _read_local(folder: Path | None, first: str, last: str) -> Iterator[tuple[str, Segment]]:
    for path in list_segments(folder, OPEN, CLOSED, DAMAGED) if folder else ():
        if not _is_between(find_day(path.name), first, last):
            continue
        # The worker may close the segment just now.
        for name in (path, path.with_suffix(CLOSED)):
            with suppress(FileNotFoundError):
                segment = decode_content(str(path), name.read_bytes())
                if segment:
                    yield path.stem, segment
                break


def _read_upload(store: Store, upload: str) -> Segment | None:
    try:
        with warn_if_slow(f"Still waiting for the upload {upload}.", PATIENCE_SECONDS):
            content = gzip.decompress(store.read(upload))
    except FileNotFoundError:  # it has just been deleted, because it was old
        return None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise IntegrityError(f"The upload {upload} is damaged. Restore it from a backup, or delete it.") from error
    return decode_content(upload, content)


def decode_content(place: str, content: bytes) -> Segment | None:
    """Return the readable part of a segment, or None if not even its header can be read.

    Parameters
    ----------
    place : str
        The path of the segment or the name of the upload, for an error.
    content : bytes
        The content of the segment.

    Raises
    ------
    UsageError
        If a newer version wrote the segment.
    """
    try:
        return decode_segment(content)
    except UnknownFormat as error:
        raise UsageError(f"{place}: {error} Use the version of mlops that runs the service.") from error


def _is_between(day: str, first: str, last: str) -> bool:
    return (not first or first <= day) and (not last or day <= last)
