"""The deletion of old state: all of it, but nothing that is still needed."""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from old_homes import RUN, build_home
from opened import open_here
from tiny_model import make_bundle

from mlops.backends import memory
from mlops.backends.local.background import SUBMISSION, BackgroundRun
from mlops.backends.local.services.deployments import LocalDeployment, LocalState
from mlops.backends.local.services.site import LocalSite
from mlops.backends.local.settings import LocalSettings
from mlops.errors import IntegrityError, UsageError
from mlops.files.atomic import write_atomically
from mlops.files.contents import store_by_content
from mlops.kernels.socket_folder import find_folder
from mlops.operations.opening import OpenProject
from mlops.operations.upkeep.pruning import preview_pruning, prune
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion
from mlops.platform.services import Decision, Rollback
from mlops.portal.index import write_index
from mlops.record.ledger import RunRecord, StepRecord, list_runs, read_run, write_run
from mlops.record.processes import NO_PROCESS, own_process
from mlops.record.run_lock import claim_runs, share_runs
from mlops.release.history import Test as Verdict

OLD, NOW = "2026-01-01T00:00:00Z", "2126-01-01T00:00:00Z"
TOMORROW = time.time() + 86_400  # everything that a test creates is older than this time


@pytest.fixture(autouse=True)
def own_kernels(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """These tests must not see the files of other tests' warm kernels.

    The path is short, because a long one would not be used.
    """
    with tempfile.TemporaryDirectory() as short:
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        assert find_folder().is_relative_to(short)
        yield


@pytest.fixture
def opened(tmp_path: Path) -> OpenProject:
    """A home with a champion that serves in both environments, and the run that made it."""
    return open_here(build_home(tmp_path))


def record_run(opened: OpenProject, run_id: str, started: str = OLD, *steps: StepRecord, **changes: object) -> Path:
    """Write the record of a run that ended, and return its folder."""
    record = RunRecord(run_id, "all", "local", "succeeded", started, "", NO_PROCESS, steps, finished=started)
    write_run(replace(record, **changes), opened.workspace.outputs)  # type: ignore[arg-type]
    return opened.workspace.outputs / run_id


def publish(opened: OpenProject, folder: Path, version: int) -> Image:
    """Publish an image of a model that is not registered."""
    model = ModelVersion("tiny", version, "", {}, {})
    return opened.backend.images.publish(make_bundle(folder, model, float(version)), model)


def deploy(image: Image, tested: Verdict = "") -> LocalDeployment:
    """Return a deployment of an image, as it is remembered."""
    return LocalDeployment(image.digest, image.name, image.model_version, OLD, tested)


def remember(opened: OpenProject, state: LocalState) -> None:
    """Record what production serves and has served."""
    LocalSite(opened.workspace.home / "services", "production", LocalSettings(), None, None, None, None).write(state)  # type: ignore[arg-type]


def list_names(opened: OpenProject, before: float = TOMORROW) -> list[str]:
    """Delete old state, check that the preview listed the same, and return the deleted names."""
    announced = preview_pruning(opened, before)
    assert prune(opened, before) == announced
    assert all(not path.exists() for leftover in announced.leftovers for path in leftover.paths)
    return [leftover.name.partition(" ")[0] for leftover in announced.leftovers]


def test_the_champion_and_what_serves_stay_with_the_run_that_made_them(opened: OpenProject) -> None:
    record_run(opened, "not-better")
    write_index(opened.workspace.outputs, None)
    assert list_names(opened) == ["not-better"]
    assert [run.run_id for run in list_runs(opened.workspace.outputs)] == [RUN]
    champion = opened.backend.registry.find_champion("diabetes")
    assert champion is not None
    assert opened.backend.images.find_image(champion) is not None
    page = (opened.workspace.outputs / "index.html").read_text()
    assert "not-better" not in page
    assert 'class="overview"' in page
    assert list_names(opened) == []


def test_the_run_that_deployed_what_serves_stays(opened: OpenProject) -> None:
    digest = opened.backend.services.list_services()[0].digest
    for number, (environment, deployed) in enumerate([("qa", digest), ("qa", digest), ("qa", "sha256:other")]):
        step = StepRecord("deploy_qa", "06_deploy", environment, "done", results={"digest": deployed})
        order = int((TOMORROW - 3600) * 1e6) + number  # after the run that the home has
        record_run(opened, f"release-{number}", OLD, step, order=order)
    assert sorted(list_names(opened)) == ["release-0", "release-2"]


def test_the_runs_of_the_decision_that_holds_and_of_a_rollback_that_holds_stay(
    opened: OpenProject, tmp_path: Path
) -> None:
    for run_id in ("decided", "rolled-back", "lifted", "other"):
        record_run(opened, run_id)
    serving = publish(opened, tmp_path, 1)
    current = replace(deploy(serving), decision=Decision("ada", "", "decided"))
    rollbacks = [
        Rollback("production", "tiny:9", 9, "tiny:1", 1, OLD, Decision("ada", "", run_id), lifted)
        for run_id, lifted in (("lifted", OLD), ("rolled-back", ""))
    ]
    remember(opened, LocalState(current, rollbacks=tuple(rollbacks)))
    assert list_names(opened) == ["other", "lifted"]


def test_what_is_not_that_old_stays(opened: OpenProject, tmp_path: Path) -> None:
    record_run(opened, "young", NOW)
    record_run(opened, "resumed", OLD, finished=NOW)
    publish(opened, tmp_path, 1)
    assert list_names(opened, time.time() - 3600) == []


def test_a_run_that_was_made_while_the_clock_was_set_back_is_not_old(opened: OpenProject) -> None:
    """The run started after all others, although its times are earlier."""
    now = time.time()
    record_run(opened, "young", OLD, order=int(now * 1e6))
    assert "young" not in list_names(opened, before=now - 3600)
    record_run(opened, "old", OLD, order=1)
    assert "old" in list_names(opened, before=now - 3600)


def test_a_clock_that_was_once_ahead_keeps_no_run_for_ever(opened: OpenProject) -> None:
    """The run of that time, and the place in the order of all later runs, have times that are still to come."""
    now = time.time()
    ahead = int(datetime.fromisoformat(NOW).timestamp() * 1e6)
    record_run(opened, "ahead", NOW, order=ahead)
    record_run(opened, "later", OLD, order=ahead + 1)
    newest = datetime.fromtimestamp(now - 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    record_run(opened, "newest", newest, order=ahead + 2)
    assert sorted(list_names(opened, before=now - 3600)) == ["ahead", "later"]


def test_a_newest_run_whose_end_is_still_to_come_stays(opened: OpenProject) -> None:
    record_run(opened, "ahead", NOW, order=int(datetime.fromisoformat(NOW).timestamp() * 1e6))
    assert "ahead" not in list_names(opened, before=time.time() - 3600)


def test_what_a_rollback_can_restore_stays(opened: OpenProject, tmp_path: Path) -> None:
    failed, first, second, serving, never = (publish(opened, tmp_path, number) for number in range(1, 6))
    history = (deploy(first, "passed"), deploy(failed, "failed"), deploy(second, "passed"))
    passed = tuple(old.digest for old in history if old.tested == "passed")
    remember(opened, LocalState(deploy(serving), history, passed))
    assert sorted(list_names(opened)) == [f"tiny-{failed.model_version}", f"tiny-{never.model_version}"]
    for image in (first, second, serving):
        assert opened.backend.images.get_image(image.digest) == image
    assert opened.backend.images.find_image(ModelVersion("tiny", 5, "", {}, {})) is None


def test_what_a_kept_run_refers_to_stays(opened: OpenProject, tmp_path: Path) -> None:
    image, other = publish(opened, tmp_path, 1), publish(opened, tmp_path, 2)
    folder = opened.workspace.home / "datasets"
    staged, forgotten = (store_by_content(folder, "new.csv", content) for content in (b"A\n1\n", b"A\n2\n"))
    record_run(opened, "source")
    record_run(opened, "unneeded")
    reused = StepRecord("train", "02_train", state="reused", source="source", report="../source/02_train.html")
    packed = StepRecord("create_image", "05_create_image", state="done", results={"digest": image.digest})
    tested = StepRecord("test_data", "01_test_data", state="failed", parameters={"data_path": str(staged)})
    record_run(opened, "kept", NOW, tested, reused, packed)
    assert list_names(opened) == ["unneeded", f"tiny-{other.model_version}", f"{forgotten.parent.name}/new.csv"]
    assert staged.is_file()
    assert not forgotten.parent.exists()


def test_data_that_is_a_version_or_that_a_model_was_trained_on_stays(opened: OpenProject) -> None:
    datasets = opened.backend.datasets
    version = datasets.register(str(store_by_content(opened.workspace.home / "datasets", "new.csv", b"A\n1\n")))
    assert list_names(opened) == []
    assert datasets.get_version("1") == version


def test_the_folder_of_a_service_that_ended_goes(opened: OpenProject) -> None:
    folder = opened.workspace.home / "services" / "qa" / "2026-01-01T000000Z"
    folder.mkdir(parents=True)
    (folder / "service.log").write_text("ended")
    (folder / "ready.json").write_text('{"pid": 2000000000, "port": 1}')
    assert list_names(opened) == ["qa/2026-01-01T000000Z"]


def test_a_submitted_run_that_left_no_record_goes_once_its_process_ended(opened: OpenProject) -> None:
    for name, process in (("ended", NO_PROCESS), ("alive", own_process())):
        background = BackgroundRun(process, OLD, "42")
        write_atomically(opened.workspace.outputs / name / SUBMISSION, msgspec.json.encode(background))
    assert list_names(opened) == ["ended"]
    assert (opened.workspace.outputs / "alive").is_dir()


@pytest.mark.parametrize("state", ["waiting", "running"])
def test_a_run_in_progress_stays(opened: OpenProject, state: str) -> None:
    folder = record_run(opened, "going", OLD, state=state, finished="", process=own_process())
    assert preview_pruning(opened, TOMORROW).leftovers == ()
    if state == "running":
        with pytest.raises(UsageError, match=r"Run going is in progress\. Wait until it ends, then try again\."):
            prune(opened, TOMORROW)
    assert read_run(folder).state == state


def test_runs_and_deletions_keep_out_of_each_other_s_way(opened: OpenProject) -> None:
    outputs = opened.workspace.outputs
    record_run(opened, "rejected")
    with share_runs(outputs), share_runs(outputs), pytest.raises(UsageError, match="A run is in progress in "):
        prune(opened, TOMORROW)
    assert (outputs / "rejected").is_dir()

    def start() -> float:
        with share_runs(outputs):
            return time.monotonic()

    with ThreadPoolExecutor() as threads:
        with claim_runs(outputs):
            waiting = threads.submit(start)
            time.sleep(0.2)
            ended = time.monotonic()
        assert waiting.result(timeout=300) >= ended


def test_a_run_of_another_platform_or_one_that_is_damaged_stays(opened: OpenProject) -> None:
    record_run(opened, "elsewhere", OLD, platform="azure")
    (record_run(opened, "damaged") / "run.json").write_bytes(b"\x80")
    (opened.workspace.outputs / "of the user").mkdir()
    assert list_names(opened) == []
    assert (opened.workspace.outputs / "of the user").is_dir()


def test_a_platform_that_deletes_nothing_itself_is_left_alone_and_that_is_known(opened: OpenProject) -> None:
    elsewhere = replace(opened, backend=memory.open_backend())
    record_run(opened, "of-memory", OLD, platform="memory")
    found = prune(elsewhere, TOMORROW)
    assert ([leftover.name for leftover in found.leftovers], found.platform_left_alone) == (["of-memory"], True)
    assert not preview_pruning(opened, TOMORROW).platform_left_alone


@pytest.mark.parametrize("name", ["services/qa.json", "images/models/diabetes-1.json", "mlflow.db"])
def test_nothing_goes_while_it_is_not_known_what_is_needed(opened: OpenProject, name: str) -> None:
    folder = record_run(opened, "rejected")
    path = opened.workspace.home / name
    path.write_bytes(b"\x80")
    look: Callable[[OpenProject, float], object]
    for look in (preview_pruning, prune):
        with pytest.raises(IntegrityError, match=str(path)):
            look(opened, TOMORROW)
    assert folder.is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.2, 0.4, 0.8])
def test_a_kill_at_any_moment_leaves_whole_runs_and_the_next_call_does_the_rest(
    opened: OpenProject, seconds: float
) -> None:
    outputs = opened.workspace.outputs
    folders = [record_run(opened, f"run-{number}") for number in range(300)]
    for folder in folders:
        (folder / "01_test_data.ipynb").write_text("{}")
    opened.backend.registry.find_champion("diabetes")  # MLflow is imported before the fork
    child = os.fork()
    if child == 0:
        prune(opened, TOMORROW)
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert {run.state for run in list_runs(outputs)} == {"succeeded"}
    assert all(len(list(folder.iterdir())) == 2 for folder in folders if folder.is_dir())
    prune(opened, TOMORROW)
    assert sorted(path.name for path in outputs.glob("[!.]*")) == [RUN]
    assert list(outputs.glob(".removed-*")) == []


def test_what_a_kill_has_left_is_no_run_and_goes_with_the_next_call(opened: OpenProject) -> None:
    outputs = opened.workspace.outputs
    half = outputs / ".removed-x1"
    half.mkdir()
    record_run(opened, "rejected").rename(half / "rejected")
    assert [run.run_id for run in list_runs(outputs)] == [RUN]
    assert prune(opened, TOMORROW).leftovers == ()
    assert not half.exists()


def test_recorded_times_count_and_not_those_of_files_which_a_copied_home_has_new(
    opened: OpenProject, tmp_path: Path
) -> None:
    """Files that these tests make are younger than an hour."""
    home, outputs = opened.workspace.home, opened.workspace.outputs
    images = [publish(opened, tmp_path, version) for version in (1, 2)]
    index = home / "images" / "models" / "tiny-1.json"
    write_atomically(index, msgspec.json.encode({"digest": images[0].digest, "published": OLD}))
    current = opened.backend.services.list_services()[1]
    serving = replace(deploy(images[0]), digest=current.digest, image=current.image)
    replaced, last = replace(serving, deployed="2025-12-01T00:00:05Z"), replace(serving, deployed=OLD)
    remember(opened, LocalState(last, (replaced,)))
    for name in ("2025-12-01T000000Z", "2025-12-31T235959Z"):  # of the replaced server, and of the last one
        (home / "services" / "production" / name).mkdir(parents=True)
    write_atomically(outputs / "submitted" / SUBMISSION, msgspec.json.encode(BackgroundRun(NO_PROCESS, OLD, "1")))
    found = list_names(opened, time.time() - 3600)
    assert sorted(found) == ["production/2025-12-01T000000Z", "submitted", "tiny-1"]
