"""The stores to which segments are uploaded: a folder, or any URL that fsspec supports."""

# Local folders need only the standard library, so an image needs fsspec only for other URLs.

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit

from .layout import Header
from .segments import find_day

ENDING = ".segment.gz"
AZURE = ("az", "abfs", "abfss")  # the schemes of Azure's blob storage
FILE = "file://"
SLOW_SECONDS = 5.0  # the SDK of a store can wait for minutes before it raises an error
ANSWER_SECONDS = 30.0  # enough for a login with the command `az`, which takes up to 10 s

logger = logging.getLogger("serving")


class Store(Protocol):
    """A store of files. The name of a file is its path, relative to the store's URL, with slashes."""

    def write(self, name: str, content: bytes) -> None:
        """Write a whole file. It replaces a file with the same name."""
        ...

    def read(self, name: str) -> bytes:
        """Return the content of a file. Raise FileNotFoundError if there is no such file."""
        ...

    def delete(self, name: str) -> None:
        """Delete a file. Do nothing if there is none."""
        ...

    def list_names(self) -> Iterator[str]:
        """Yield the names of all files."""
        ...


class FolderStore:
    """A store in a local folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, content: bytes) -> None:
        """See `Store`. A reader finds either the old content or the new, even after a power failure."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The next attempt replaces what a process leaves here that is killed. So its rows are deleted like all others.
        scratch = path.with_name(f".{path.name}.new")
        try:
            with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(scratch, path)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise

    def read(self, name: str) -> bytes:
        """See `Store`."""
        return (self._folder / name).read_bytes()

    def delete(self, name: str) -> None:
        """See `Store`."""
        (self._folder / name).unlink(missing_ok=True)

    def list_names(self) -> Iterator[str]:
        """See `Store`."""
        for path in self._folder.glob(f"**/[!.]*{ENDING}"):
            yield path.relative_to(self._folder).as_posix()


class FsspecStore:
    """A store at any URL that fsspec supports.

    Parameters
    ----------
    url : str
        The URL of a folder, such as "az://container/path".
    options : mapping
        Options of the file system, such as ``connection_string``.
    retry : bool
        Whether the file system retries writing a file. Without retries, an error is raised at once.
    """

    # A file is written in one request, because a rename in a blob store is a copy and a deletion.

    def __init__(self, url: str, options: Mapping[str, str], *, retry: bool) -> None:
        import fsspec

        found: tuple[Any, str] = fsspec.core.url_to_fs(url, **options)
        self._system, root = found
        self._root = root.rstrip("/")
        self._is_azure = urlsplit(url).scheme in AZURE
        # The SDK of Azure retries for a minute by default. Other file systems do not have this option.
        self._options = {"retry_total": 0} if not retry and self._is_azure else {}

    def write(self, name: str, content: bytes) -> None:
        """See `Store`."""
        path = f"{self._root}/{name}"
        try:
            self._system.pipe_file(path, content, **self._options)
        except FileNotFoundError:  # raised if the file system needs a folder first
            self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._system.pipe_file(path, content, **self._options)

    def read(self, name: str) -> bytes:
        """See `Store`."""
        content: bytes = self._system.cat_file(f"{self._root}/{name}")
        return content

    def delete(self, name: str) -> None:
        """See `Store`."""
        try:
            self._system.rm_file(f"{self._root}/{name}")
        except FileNotFoundError:
            return

    def list_names(self) -> Iterator[str]:
        """See `Store`.

        Raises
        ------
        Exception
            If the store is unavailable. A store of Azure must answer within `ANSWER_SECONDS`.
        """
        self._system.invalidate_cache()
        if self._is_azure:
            self._require_answer()
        try:
            found: list[str] = self._system.find(self._root)
        except FileNotFoundError:  # nothing was uploaded yet
            return
        yield from (path.removeprefix(self._root).lstrip("/") for path in found if path.endswith(ENDING))

    def _require_answer(self) -> None:
        # adlfs sends three requests to list files. If there is no answer, the SDK retries each of them for a minute if
        # the connection is refused, and for five minutes otherwise.
        from fsspec.asyn import sync

        container, _, folder = self._root.partition("/")

        async def list_one() -> None:
            async with self._system.service_client.get_container_client(container) as client:
                async for _ in client.list_blobs(name_starts_with=folder, results_per_page=1, retry_total=0):
                    return

        try:
            sync(self._system.loop, list_one, timeout=ANSWER_SECONDS)
        except TimeoutError as error:
            raise TimeoutError(f"it has not answered for {ANSWER_SECONDS:.0f} s") from error
        except Exception as error:
            if getattr(error, "status_code", 0) != HTTPStatus.NOT_FOUND:  # nothing was uploaded yet
                raise


def open_store(url: str, options: Mapping[str, str] | None = None, *, retry: bool = True) -> Store:
    """Return the store at a URL or in a local folder. For the options and `retry`, see `FsspecStore`.

    Raises
    ------
    ImportError
        If a package that the URL needs is missing.
    ValueError
        If the scheme of the URL is unknown, or if a ``file://`` URL names another machine.
    """
    if url.startswith(FILE):
        return FolderStore(_find_folder(url))
    return FsspecStore(url, options or {}, retry=retry) if urlsplit(url).scheme else FolderStore(Path(url))


def describe_host(url: str) -> str:
    """Return what is wrong with a ``file://`` URL that names another machine, and the fix; "" for any other URL."""
    host, slash, path = url.removeprefix(FILE).partition("/")
    if not url.startswith(FILE) or host in ("", "localhost"):
        return ""
    return (
        f"{host!r} is the name of a machine there. For a folder of this machine, write three slashes: "
        f"{FILE}/{host}{slash}{path}"
    )


@contextmanager
def warn_if_slow(message: str, seconds: float = SLOW_SECONDS) -> Iterator[None]:
    """Log a message as a warning if a ``with`` statement takes longer than some seconds."""
    timer = threading.Timer(seconds, logger.warning, ("%s", message))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def name_upload(name: str, header: Header) -> str:
    """Return the name of the file to which a segment is uploaded: "MODEL/VERSION/DAY/NAME.segment.gz"."""
    # The same segment always has the same name, so a repeated upload replaces the first upload.
    return f"{name_version(header.model, header.version)}/{find_day(name)}/{name}{ENDING}"


def name_version(model: str, version: str) -> str:
    """Return the name of the folder for the uploads of a model version."""
    return f"{quote(model, safe='')}/{quote(version, safe='')}"


def split_upload(name: str) -> tuple[str, str, str]:
    """Split the name of an upload into the folder of the model version, the day, and the name of the segment."""
    folder, _, file = name.rpartition("/")
    version, _, day = folder.rpartition("/")
    return version, day, file.removesuffix(ENDING)


def _find_folder(url: str) -> Path:
    if said := describe_host(url):
        raise ValueError(said)
    return Path(unquote(url.removeprefix(FILE).removeprefix("localhost")))
