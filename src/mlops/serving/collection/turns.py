"""The collectors of a server: one for a server with an event loop, and one for a server that uses threads."""

import asyncio
import threading
from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from ..metrics.declared import COLLECTED_ROWS, DROPPED_ROWS, DROPPED_SEGMENTS, REFUSED, Metric
from ..metrics.families import Family
from ..refusals import Refusal
from ..rows import Ids, Rows
from .children import UploaderProcess
from .collector import Collector
from .families import describe_collected
from .layout import Stored
from .settings import Folders

TICK_SECONDS = 1.0


class TurnCollector:
    """A collector for a server with an event loop.

    Parameters
    ----------
    collector : Collector
        The collector of this worker.
    folders : Folders, optional
        The folders of the service, for the metrics.
    """

    def __init__(self, collector: Collector, folders: Folders | None = None) -> None:
        self._folders = folders
        self.pack = collector.pack
        self._collector = collector
        self._written: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def collect(self, request: str, stored: Stored, predictions: NDArray[Any]) -> "asyncio.Future[None]":
        """Add a scored request, and return a future that is done when the record of the request is on disk.

        The future raises `Refusal` if the request must be refused. All requests of one turn have the same future.
        """
        self._collector.add(request, stored, predictions)
        if self._written is None:
            loop = asyncio.get_running_loop()
            self._written = loop.create_future()
            loop.call_soon(self._flush)
            self._start_timer()
        return self._written

    def collect_now(self, scored: Iterable[tuple[str, Stored, NDArray[Any]]]) -> Refusal | None:
        """Write scored requests (id, rows, predictions). Return a refusal if they must be refused, otherwise None."""
        for request, stored, predictions in scored:
            self._collector.add(request, stored, predictions)
        self._start_timer()
        return self._flush()

    def measure(self) -> dict[Metric, float]:
        """Return counts of rows, segments and refusals since this object was created; see `Recorder.watch`."""
        return _measure(self._collector)

    def describe(self) -> list[Family]:
        """Return the metrics of the rows that this worker and all others have collected."""
        return describe_collected(self._collector.settings, self._folders)

    def close(self) -> None:
        """Close the segment."""
        if self._timer:
            self._timer.cancel()
        self._collector.close()

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    def _flush(self) -> Refusal | None:
        written, self._written = self._written, None
        try:
            self._collector.flush()
        except Refusal as refusal:
            if written:
                written.set_exception(refusal)
                written.exception()  # avoids a warning if the client has disconnected, so nothing awaits the future
            return refusal
        if written:
            written.set_result(None)
        return None

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)
        self._collector.tick()


class ThreadCollector:
    """A collector for a server that answers each request in a thread.

    Parameters
    ----------
    collector : Collector
        The collector of this worker.
    uploader : UploaderProcess, optional
        The process that uploads the segments of this worker.
    """

    def __init__(self, collector: Collector, uploader: UploaderProcess | None = None) -> None:
        self._collector = collector
        self._uploader = uploader
        self._lock = threading.Lock()
        self._ended = threading.Event()
        threading.Thread(target=self._tick, daemon=True).start()

    def pack(self, rows: Rows, ids: Ids = None) -> Stored | None:
        """See `Collector.pack`."""
        with self._lock:
            return self._collector.pack(rows, ids)

    def collect(self, request: str, stored: Stored, predictions: NDArray[Any]) -> None:
        """Write a scored request. Raise `Refusal` if the request must be refused."""
        with self._lock:
            self._collector.add(request, stored, predictions)
            self._collector.flush()

    def measure(self) -> dict[Metric, float]:
        """See `TurnCollector.measure`."""
        return _measure(self._collector)

    def close(self) -> None:
        """Close the segment, and tell the uploader to upload the segment and end."""
        self._ended.set()
        with self._lock:
            self._collector.close()
        if self._uploader:
            self._uploader.close()

    def _tick(self) -> None:
        while not self._ended.wait(TICK_SECONDS):
            with self._lock:
                self._collector.tick()
            if self._uploader:
                self._uploader.check()


def _measure(collector: Collector) -> dict[Metric, float]:
    counters = collector.counters
    return {
        COLLECTED_ROWS: counters.rows,
        DROPPED_ROWS: counters.dropped_rows,
        DROPPED_SEGMENTS: counters.dropped_segments,
        REFUSED: counters.refused,
    }
