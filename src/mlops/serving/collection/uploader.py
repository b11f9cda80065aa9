"""The upload of closed segments, and the deletion of segments and uploaded files that are too old."""

import gzip
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ..failures import describe_failure
from ..metrics.tally import Tally
from .frames import read_frames
from .layout import UnknownFormat, decode_header
from .segments import CLOSED, DAMAGED, find_day, hold_folder, list_segments, measure_valid, recover_orphans
from .settings import Settings
from .stores import SLOW_SECONDS, Store, name_upload, open_store, split_upload, warn_if_slow

if TYPE_CHECKING:  # it needs numpy, which an uploader that only uploads does without
    from .distributions import DistributionCounter

UPLOADS = "uploads.json"  # the file with the counts, in the folder with the metrics of a service
DONE, FAILED, BYTES = "done", "failed", "bytes"
LEVEL = 1  # from 0 to 9; level 1 compresses 64 MB/s. The result of level 6 is 5 % smaller, at 23 MB/s
SLOW = (
    f"The store for uploads has not answered for {SLOW_SECONDS:.0f} s. The rows stay on this machine until it answers."
)

logger = logging.getLogger("serving")


def read_today() -> date:
    """Return today's date, in UTC."""
    return datetime.now(UTC).date()


class Uploader:
    """An object that uploads the closed segments of a folder, and deletes segments and uploaded files that are too old.

    Parameters
    ----------
    settings : Settings
        The folder, the URL and the retention period. Without a URL, segments stay in the folder.
    today : callable
        A function that returns today's date.
    counter : DistributionCounter, optional
        The object that counts the values in closed segments.
    tally : Tally, optional
        The counts of uploads (`DONE`), failed attempts (`FAILED`) and compressed bytes (`BYTES`).
    """

    def __init__(
        self,
        settings: Settings,
        today: Callable[[], date] = read_today,
        counter: "DistributionCounter | None" = None,
        tally: Tally | None = None,
    ) -> None:
        self._counter = counter
        self.tally = tally or Tally()
        self._settings = settings
        self._folder = Path(settings.folder)
        self._store: Store | None = None
        self._today = today
        self._cleaned: date | None = None

    def run(self) -> int:
        """Recover the segments of dead workers, upload all closed segments, and return the number of uploads.

        A segment is deleted only after its upload is complete. If the process is killed before the deletion, the
        segment is uploaded again and replaces the first upload.
        """
        # `forget` changes segments and uploads under the same lock.
        with hold_folder(self._folder):
            recover_orphans(self._folder)
            found = list_segments(self._folder, CLOSED)
            self._count(found)
            try:
                if self._store is None and self._settings.url and (found or self._settings.retention_days):
                    # The caller of `run` retries, and logs the first failure at once.
                    self._store = open_store(self._settings.url, self._settings.storage, retry=False)
                return sum(self._upload(self._store, path) for path in found) if self._store else 0
            finally:  # this makes room if the disk is full
                self._delete_old()

    def _count(self, paths: Sequence[Path]) -> None:
        if not self._counter:
            return
        try:
            self._counter.count(paths)
        except Exception as error:  # noqa: BLE001 - rows must reach the store, also if the disk is full
            logger.warning("The values of collected rows could not be counted: %s", describe_failure(error))

    def _upload(self, store: Store, path: Path) -> bool:
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # a collector has just deleted the segment
            return False
        size, rows = measure_valid(content)
        if rows:
            try:
                header = decode_header(next(read_frames(content))[0])
            except UnknownFormat as error:
                logger.warning("%s is not uploaded. %s", path, error)
                return False
            packed = gzip.compress(content[:size], LEVEL, mtime=0)
            with warn_if_slow(SLOW):
                store.write(name_upload(path.stem, header), packed)
            self.tally.add({DONE: 1, BYTES: len(packed)})
        with suppress(FileNotFoundError):
            if size == len(content):
                path.unlink()
            else:
                logger.error("%s is damaged after byte %d. Only the rows before it were uploaded.", path, size)
                path.rename(path.with_suffix(DAMAGED))
        return True

    def _delete_old(self) -> None:
        today, days = self._today(), self._settings.retention_days
        if not days or self._cleaned == today:
            return
        first = (today - timedelta(days=days)).isoformat()
        for path in list_segments(self._folder, CLOSED, DAMAGED):
            if find_day(path.name) < first:
                path.unlink(missing_ok=True)
        if self._store:
            _delete_uploads(self._store, first)
        self._cleaned = today


def _delete_uploads(store: Store, first: str) -> None:
    with warn_if_slow(SLOW):
        names = [*store.list_names()]
    for name in names:
        _, day, segment = split_upload(name)
        if find_day(segment) == day < first:
            store.delete(name)
