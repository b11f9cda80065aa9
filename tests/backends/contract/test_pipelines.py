"""The contract of pipelines, over every platform: `mlops.platform.pipelines.Pipelines`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.errors import PipelineNotFoundError, RunNotFoundError
from mlops.platform.backend import Backend
from mlops.platform.pipelines import Pipelines
from mlops.platform.submission import Submission


@pytest.fixture
def pipelines(backend: Backend, platform: str, request: pytest.FixtureRequest) -> Iterator[Pipelines]:
    """The pipelines of a platform on which nothing is published; on Azure, no node is free to run anything."""
    if backend.pipelines is None:
        pytest.skip(f"the platform {platform} has no pipelines")
    if platform == "azure":
        request.getfixturevalue("azure").pipelines.has_nodes = False
    yield backend.pipelines
    for run in backend.pipelines.list_runs(10):
        backend.pipelines.cancel(run.run_id)


@pytest.mark.no_blobs
def test_nothing_is_submitted_before_the_first_publication(pipelines: Pipelines) -> None:
    assert pipelines.find_published() is None
    with pytest.raises(PipelineNotFoundError, match="is published .*. Run `mlops publish"):
        pipelines.submit(Submission())


def test_there_is_one_version_a_build_and_the_last_published_one_is_started(pipelines: Pipelines) -> None:
    first = pipelines.publish("42", "https://build/42")
    assert pipelines.publish("42", "https://build/42") == first == pipelines.find_published()
    second = pipelines.publish("43", "")
    assert (second.version, second.url, second.name) == ("43", first.url, first.name)
    assert second.pipeline_id != first.pipeline_id
    assert pipelines.find_published() == second
    assert pipelines.submit(Submission()).version == "43"


def test_a_submitted_run_is_listed_and_can_be_ended(pipelines: Pipelines, tmp_path: Path) -> None:
    pipelines.publish("42", "")
    assert pipelines.list_runs(5) == []
    run = pipelines.submit(Submission(caller_run_id="7"))
    assert run.state in ("queued", "running")
    assert (run.version, run.outcome) == ("42", "")
    assert [listed.run_id for listed in pipelines.list_runs(5)] == [run.run_id]
    ended = pipelines.cancel(run.run_id)
    assert ended.state in ("canceled", "failed")  # locally, a run that has not begun yet leaves no record of its end
    assert pipelines.cancel(run.run_id) == ended == pipelines.get_run(run.run_id)


@pytest.mark.no_blobs
def test_what_is_not_there_is_said(pipelines: Pipelines, tmp_path: Path) -> None:
    for ask in (
        lambda: pipelines.get_run("nothing"),
        lambda: pipelines.read_log("nothing", "train"),
        lambda: pipelines.fetch_run("nothing", tmp_path / "x"),
        lambda: pipelines.cancel("nothing"),
    ):
        with pytest.raises(RunNotFoundError, match=r"[Rr]un nothing .*`mlops runs.* lists "):
            ask()
    assert not (tmp_path / "x").exists()
