"""The removal of a person's rows from collected data, and the search for data sets and models that contain them."""

import gzip
import os
import time
import zlib
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from mlops.catalog.segments import PATIENCE_SECONDS, decode_content, list_uploads, open_uploads
from mlops.data.tables import read_table
from mlops.errors import PlatformError, UsageError, quote_cause
from mlops.files.atomic import write_atomically
from mlops.pipelines import ALL_STEPS, find_data_step
from mlops.pipelines.step import Step
from mlops.platform.datasets import CollectedPlace, Datasets, DatasetVersion
from mlops.platform.models import name_version
from mlops.problem import Problem
from mlops.record.ledger import RunRecord
from mlops.serving.collection.collector import CLOSE_NOW
from mlops.serving.collection.forgetting import Person, forget_rows, has_hashes, has_ids
from mlops.serving.collection.segments import (
    CLOSED,
    DAMAGED,
    OPEN,
    hold_folder,
    list_segments,
    recover_orphans,
)
from mlops.serving.collection.stores import warn_if_slow

CHUNK = 1 << 10  # bytes; of a damaged chunk, nothing is searched
CLOSE_SECONDS = 15.0  # workers notice within a second that they must close their segments


@dataclass
class Forgotten:
    """The result of a removal: what was removed, and what could not be searched.

    Parameters
    ----------
    rows, files : int
        The number of removed rows, and the number of segments and uploads that contained them.
    without_ids : int
        The number of segments and uploads with rows that have no id.
    without_key : int
        The number of segments and uploads with rows whose ids were not searched, because they are hashed, and there is
        no key.
    damaged : tuple of str
        The paths of segments and the names of uploads that cannot be read completely.
    open : tuple of str
        The paths of segments that were not searched, because a service still writes to them.
    """

    rows: int = 0
    files: int = 0
    without_ids: int = 0
    without_key: int = 0
    damaged: tuple[str, ...] = ()
    open: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trace:
    """A version of the data set with rows of a person, and the models that were trained on this version."""

    dataset: DatasetVersion
    models: tuple[str, ...]


def forget_person(place: CollectedPlace, person: Person, wait: Callable[[float], None] = time.sleep) -> Forgotten:
    """Remove a person's rows from a service's segments and uploads, and return what was removed. Safe to repeat.

    Raises
    ------
    PlatformError
        If the uploads cannot be listed, read or written.
    UsageError
        If a newer version wrote a segment.
    """
    found = Forgotten()
    if place.folder is None or not place.folder.is_dir():
        _forget_uploads(place, person, found)
        return found
    _close_segments(place.folder, wait)
    # The uploader takes the same lock, so no segment is uploaded while it changes.
    with ExitStack() as held:
        with warn_if_slow("Still waiting for the uploader of the service.", PATIENCE_SECONDS):
            held.enter_context(hold_folder(place.folder))
        recover_orphans(place.folder)
        found.open = tuple(str(path) for path in list_segments(place.folder, OPEN))
        for path in list_segments(place.folder, CLOSED, DAMAGED):
            try:
                content = path.read_bytes()
            except FileNotFoundError:  # a collector has just deleted the segment to make room
                continue
            changed = _forget(content, person, str(path), found)
            if changed:
                write_atomically(path, changed, 0o600)
            elif changed is not None:
                path.unlink(missing_ok=True)
        _forget_uploads(place, person, found)
    return found


def find_traces(
    datasets: Datasets,
    problem: Problem,
    runs: Iterable[RunRecord],
    ids: Collection[str],
    steps: Iterable[Step] = ALL_STEPS,
) -> list[Trace]:
    """Return the versions of the data set that have one of `ids` in an id column, each with the models trained on it.

    A model is found only if one of `runs` trained it. So models of deleted runs are not found.
    """
    keys = [column for column in problem.columns if column.read_as == "id" and column.role != "ignored"]
    newest = datasets.find_newest() if keys else None
    if newest is None:
        return []
    runs, steps, traces = [*runs], [*steps], []
    for number in range(1, newest.version + 1):
        version = datasets.get_version(str(number))
        table = read_table(version.url, columns=keys).frame
        if any(table[column.name].astype(str).isin([*ids]).any() for column in keys if column.name in table):
            traces.append(Trace(version, tuple(_list_models(runs, version.url, steps))))
    return traces


def _list_models(runs: Iterable[RunRecord], url: str, steps: list[Step]) -> list[str]:
    tested = find_data_step(steps)
    assert tested is not None
    models = set()
    for run in runs:
        data = run.step(tested.name)
        if data is None or data.results.get(tested.takes_data) != url:
            continue
        for step in steps:
            made = run.step(step.name)
            if step.registers and step.names_model and made is not None and made.has_results:
                models.add((str(made.results[step.names_model.name]), int(made.results[step.names_model.version])))
    return [name_version(name, version) for name, version in sorted(models)]


def _close_segments(folder: Path, wait: Callable[[float], None]) -> None:
    before = list_segments(folder, OPEN)
    if not before:
        return
    request = folder / CLOSE_NOW
    request.touch()
    moment = time.time_ns()
    os.utime(request, ns=(moment, moment))
    for _ in range(int(CLOSE_SECONDS / 0.5)):
        recover_orphans(folder)
        if not any(path.exists() for path in before):
            return
        wait(0.5)


def _forget_uploads(place: CollectedPlace, person: Person, found: Forgotten) -> None:
    store = open_uploads(place)
    for name in list_uploads(store, place.url) if store else ():
        assert store is not None
        try:
            changed = _forget(_unpack(store.read(name)), person, name, found)
            if changed:
                store.write(name, gzip.compress(changed, mtime=0))
            elif changed is not None:
                store.delete(name)
        except FileNotFoundError:  # it has just been deleted, because it was old
            continue
        except UsageError:
            raise
        except Exception as error:  # each kind of store raises errors of its own
            raise PlatformError(
                f"Could not search {name} in {place.url}: {quote_cause(error)}. Run the command again."
            ) from error


def _unpack(packed: bytes) -> bytes:
    """Return the content of a compressed file. If the file is damaged, return the part before the damage."""
    unpacker, parts = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), []
    with suppress(zlib.error):
        for place in range(0, len(packed), CHUNK):
            parts.append(unpacker.decompress(packed[place : place + CHUNK]))
    return b"".join(parts)


def _forget(content: bytes, person: Person, name: str, found: Forgotten) -> bytes | None:
    """Return a segment without the person's rows: empty if no row is left, None if no row was removed."""
    segment = decode_content(name, content)
    if segment is None or not segment.is_whole:
        found.damaged += (name,)
    if segment is None:
        return None
    found.without_ids += not has_ids(segment)
    found.without_key += not person.has_key and has_hashes(segment)
    changed, removed = forget_rows(content, person)
    found.rows += removed
    found.files += removed > 0
    return changed if removed else None
