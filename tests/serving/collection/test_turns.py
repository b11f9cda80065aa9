"""All requests of a turn of the event loop are written at once, before any of them is answered."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from collected import Collection, list_requests, read_local

from mlops.serving.collection.segments import CLOSED, list_segments
from mlops.serving.collection.turns import ThreadCollector, TurnCollector
from mlops.serving.refusals import Refusal


async def answer(turns: TurnCollector, name: str) -> list[str]:
    """Collect a request, and return the requests that are on disk when its answer could leave."""
    packed = turns.pack(np.ones((1, 3)))
    assert packed is not None
    await turns.collect(name, packed, np.ones(1))
    return list_requests(read_local(Path(turns._collector._folder)))


def test_requests_of_a_turn_are_one_frame_and_on_disk_before_the_answers(tmp_path: Path) -> None:
    async def serve() -> list[list[str]]:
        turns = TurnCollector(Collection(tmp_path).open())
        found = await asyncio.gather(*(answer(turns, f"r{number}") for number in range(5)))
        found.append(await answer(turns, "later"))
        turns.close()
        return found

    found = asyncio.run(serve())
    names = [f"r{number}" for number in range(5)]
    assert found == [names] * 5 + [[*names, "later"]]
    (segment,) = read_local(tmp_path)
    assert [len(turn.records) for turn in segment.turns] == [5, 1]


def test_all_requests_of_a_turn_are_refused_if_they_cannot_be_written(tmp_path: Path) -> None:
    async def serve() -> list[BaseException | list[str]]:
        turns = TurnCollector(Collection(tmp_path).open(policy="refuse", max_bytes=100))
        return await asyncio.gather(*(answer(turns, f"r{number}") for number in range(5)), return_exceptions=True)

    refused = asyncio.run(serve())
    assert [type(found) for found in refused] == [Refusal] * 5
    assert read_local(tmp_path) == []


def test_an_idle_service_closes_its_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops.serving.collection.turns.TICK_SECONDS", 0.01)

    async def serve() -> None:
        collection = Collection(tmp_path)
        turns = TurnCollector(collection.open(segment_seconds=5.0))
        await answer(turns, "r")
        collection.clock.advance(6)
        while not list_segments(tmp_path, CLOSED):
            await asyncio.sleep(0.01)
        turns.close()

    asyncio.run(serve())
    assert list_requests(read_local(tmp_path, CLOSED)) == ["r"]


def test_threads_write_their_requests_one_after_the_other(tmp_path: Path) -> None:
    threads = ThreadCollector(Collection(tmp_path).open())

    def serve(name: str) -> bool:
        packed = threads.pack(np.ones((1, 3)))
        assert packed is not None
        threads.collect(name, packed, np.ones(1))
        return name in list_requests(read_local(tmp_path))

    names = [f"r{number}" for number in range(50)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(serve, names))
    threads.close()
    assert sorted(list_requests(read_local(tmp_path, CLOSED))) == sorted(names)


def test_an_idle_server_with_threads_closes_its_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops.serving.collection.turns.TICK_SECONDS", 0.01)
    collection = Collection(tmp_path)
    threads = ThreadCollector(collection.open(segment_seconds=5.0))
    packed = threads.pack(np.ones((1, 3)))
    assert packed is not None
    threads.collect("r", packed, np.ones(1))
    collection.clock.advance(6)
    while not list_segments(tmp_path, CLOSED):
        time.sleep(0.01)
    threads.close()
