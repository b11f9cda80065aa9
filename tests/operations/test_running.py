"""Running a pipeline and resuming a run, as a command or a request does."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import nbformat
import pytest
from old_homes import build_home
from opened import open_here, open_model
from tiny_model import make_bundle, make_files, publish, release, track

from mlops.backends import memory
from mlops.errors import IntegrityError, ParameterError, PlatformError, ProblemError, UsageError
from mlops.image.bundle import build_bundle
from mlops.operations.opening import OpenProject, find_image_sources
from mlops.operations.preconditions import require_possible
from mlops.operations.request import RunRequest, check_request
from mlops.operations.running import find_run, find_warning, resume_run, start_run
from mlops.parameters.overrides import read_override
from mlops.pipelines import list_packing
from mlops.platform.infrastructure import Infrastructure
from mlops.platform.services import Permissions
from mlops.record.ledger import RunRecord, RunSettings, StepRecord, write_run
from mlops.record.listener import Listener
from mlops.record.processes import NO_PROCESS
from mlops.workspace import Workspace

SOURCES = {"create_image.scoring_script": "score.py", "create_image.requirements": "requirements.txt"}


class Ear(Listener):
    """A listener that records which steps ended."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """See `Listener`."""
        self.heard.append(f"{step.name} {step.state}")
        return step

    def run_ended(self, run: RunRecord) -> None:
        """See `Listener`."""
        self.heard.append(f"run {run.state}")


def test_a_run_tells_its_listeners_and_prints_nothing(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    ear, opened = Ear(), open_here(workspace)
    record = start_run(opened, RunRequest("build", run_id="first"), [ear])
    assert (record.run_id, record.outcome, ear.heard) == ("first", "done", ["test_data done", "run succeeded"])
    assert (workspace.outputs / "first" / "01_test_data.html").is_file()
    newest = opened.backend.datasets.find_newest()
    assert newest is not None
    assert newest.version == 1
    assert capsys.readouterr() == ("", "")
    with pytest.raises(UsageError, match="The newest run, first, succeeded"):
        find_run(workspace.outputs)
    with pytest.raises(UsageError, match="Run first succeeded, so there is nothing to resume"):
        resume_run(opened, find_run(workspace.outputs, "first"), 0, [ear])


def test_what_cannot_be_run_as_asked_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="-p train.alpha: the pipeline build has no step 'train'"):
        start_run(open_here(workspace, "train.alpha=1"), RunRequest("build"))
    with pytest.raises(UsageError, match="--model-file: The pipeline build does not deploy anything"):
        start_run(open_here(workspace), RunRequest("build", model_file=tmp_path / "model.json"))
    with pytest.raises(UsageError, match="model.json: There is no such file"):
        start_run(open_here(workspace), RunRequest("release", model_file=tmp_path / "model.json"))
    assert not workspace.outputs.exists()


@pytest.mark.parametrize(("pipeline", "only"), [("retrain", ""), ("all", ""), ("release", ""), ("retrain", "evaluate")])
def test_a_champion_that_is_not_known_is_refused_before_anything_runs(
    workspace: Workspace, pipeline: str, only: str
) -> None:
    lost = workspace.home / "champions" / "diabetes.json"
    lost.parent.mkdir(parents=True)
    lost.write_text('{"version": 1}')
    with pytest.raises(IntegrityError, match="is missing, and with it the champion of 'diabetes', version 1"):
        start_run(open_here(workspace), RunRequest(pipeline, only))
    assert not workspace.outputs.exists()


@pytest.mark.parametrize("of", ["other", "diabetes"])
def test_a_champion_that_does_not_fit_is_refused_before_anything_runs(
    workspace: Workspace, tmp_path: Path, of: str
) -> None:
    backend = memory.open_backend()
    opened = open_model(workspace, "tiny", backend)
    tags = {"problem": of, "schema": "0" * 16}
    version = backend.registry.register("tiny", track(backend, tmp_path), tags)
    backend.registry.promote("tiny", version.version, expected="")
    why = {
        "other": "solves the problem 'other', not 'diabetes'",
        "diabetes": "was trained on other columns than 'diabetes' declares: their order, their kinds, the target "
        "or its classes differ",
    }[of]
    for request in (RunRequest("retrain"), RunRequest("all"), RunRequest("retrain", "evaluate")):
        with pytest.raises(ProblemError) as raised:
            start_run(opened, request)
        assert str(raised.value) == (
            f"The champion, tiny version 1, {why}. To replace it without a comparison, add "
            "`-p evaluate.promote_always=true --reason TEXT`. To keep the champion and register the new model under "
            "another name, add `-p shared.model_name=NAME`."
        )
    backend.images.publish(make_bundle(tmp_path, version, 1.0), version)
    with pytest.raises(ProblemError) as raised:
        start_run(opened, RunRequest("release"))
    assert str(raised.value) == (
        f"tiny version 1 {why}, so it cannot be tested. To promote a model that fits, run "
        "`mlops run retrain -p evaluate.promote_always=true --reason TEXT`."
    )
    assert not workspace.outputs.exists()
    texts = ("evaluate.promote_always=true", "evaluate.override_reason=new columns")
    overruled = opened.override(*map(read_override, texts))
    require_possible(overruled, RunRequest("retrain", reason="new columns"))  # raises nothing


def test_an_image_of_a_model_that_does_not_fit_is_refused_before_anything_runs(
    workspace: Workspace, tmp_path: Path
) -> None:
    backend = memory.open_backend()
    opened = open_model(workspace, "tiny", backend)
    version = backend.registry.register("tiny", track(backend, tmp_path), {"problem": "diabetes", "schema": "0" * 16})
    results = {"model_name": "tiny", "model_version": version.version}
    step = StepRecord("register", "04_register", state="done", results=results)
    write_run(RunRecord("earlier", "retrain", "local", "succeeded", "", "", NO_PROCESS, (step,)), workspace.outputs)
    nbformat.write(nbformat.v4.new_notebook(), workspace.outputs / "earlier" / "04_register.ipynb")
    with pytest.raises(ProblemError, match="tiny version 1 was trained on other columns than 'diabetes' declares: .*"):
        start_run(opened, RunRequest("retrain", "create_image"))
    assert [path.name for path in workspace.outputs.iterdir()] == ["earlier"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("scoring_script", None, "There is no .*file. Create it, or name another file in the parameters of 05"),
        ("scoring_script", b"def run(:", "file, line 1: This is not valid Python"),
        ("scoring_script", b"import sklearn", "file, line 1: The image does not contain the module sklearn. Add sci"),
        ("scoring_script", b"def run(data): ...", r"file does not define init\(\), which the server calls"),
        ("requirements", None, "There is no .*file. Create it, or name another file in the parameters of 05"),
        ("requirements", b"numpy>=2", "file, line 1 is 'numpy>=2'. Write each package as name==version"),
        ("requirements", b"numpy==2.0", "file has no hash for numpy"),
    ],
)
def test_a_broken_scoring_script_or_lock_is_refused_before_anything_runs(
    workspace: Workspace, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    opened = open_here(workspace, f"create_image.{name}={tmp_path / 'file'}")
    for request in (RunRequest("retrain"), RunRequest("all"), RunRequest("retrain", "create_image")):
        with pytest.raises(ProblemError, match=said):
            start_run(opened, request)
    assert not workspace.outputs.exists()
    record = RunRecord("lost", "all", "local", "lost", "", "", NO_PROCESS, ())
    with pytest.raises(ProblemError, match=said):
        resume_run(opened, replace(record, settings=RunSettings(opened.parameters)))
    train = replace(opened, overrides=())
    check_request(train, RunRequest("retrain", "train"))  # raises nothing, because this step creates no image


def test_a_release_with_a_broken_script_is_refused_before_its_image_is_renewed(
    workspace: Workspace, tmp_path: Path
) -> None:
    opened = open_model(workspace, "tiny", memory.open_backend())
    image = publish(opened.backend, tmp_path, 1.0)
    opened.backend.registry.promote("tiny", 1, expected="")
    (tmp_path / "broken.py").write_text("def run(:")
    opened = opened.override(read_override(f"create_image.scoring_script={tmp_path / 'broken.py'}"))
    begun: list[str] = []
    with pytest.raises(ProblemError, match="broken.py, line 1: This is not valid Python"):
        start_run(opened, RunRequest("release"), image_begins=begun.append)
    assert (begun, workspace.outputs.exists()) == ([], False)
    named = opened.override(*opened.overrides, read_override(f"deploy.image_digest={image.digest}"))
    check_request(named, RunRequest("release"))  # raises nothing, because the run creates no image


def test_a_training_of_another_problem_in_an_old_home_is_not_evaluated(tmp_path: Path) -> None:
    """The records of older versions name no problem."""
    old = build_home(tmp_path, "format-3")
    opened = open_here(old)
    require_possible(opened, RunRequest("retrain", "evaluate"))  # raises nothing
    other = open_here(old, "shared.model_name=cancer")
    other = replace(other, project=replace(other.project, base=replace(other.project.base, problem="cancer")))
    with pytest.raises(UsageError) as raised:
        require_possible(other, RunRequest("retrain", "evaluate"))
    (run,) = (path.name for path in old.outputs.iterdir() if path.is_dir())
    assert str(raised.value) == (
        f"--only evaluate: train of run {run} has no result 'inverse_penalty', so it does not fit the problem 'cancer' "
        "as it is declared now. Use `mlops run retrain`, which trains a new model."
    )


def test_results_of_a_home_that_was_moved_are_refused(tmp_path: Path) -> None:
    """They have absolute paths of files in the home."""
    old = build_home(tmp_path, "format-3")
    old.home.rename(tmp_path / "moved")
    moved = Workspace(old.project, tmp_path / "moved", old.outputs)
    with pytest.raises(
        UsageError, match=r"--only evaluate needs the results of train in run .*, but their file .* is missi"
    ):
        require_possible(open_here(moved), RunRequest("retrain", "evaluate"))


def test_a_single_deployment_of_an_outdated_image_is_warned_of(workspace: Workspace, tmp_path: Path) -> None:
    opened = open_model(workspace, "tiny", memory.open_backend())
    assert find_warning(opened, RunRequest("release", "deploy_qa")) == ""
    release(opened.backend, publish(opened.backend, tmp_path, 1.0))
    opened.backend.registry.promote("tiny", 1, expected="")
    said = find_warning(opened, RunRequest("release", "deploy_qa"))
    assert said.startswith("Warning: ")
    assert said.endswith(
        "changed since the image of tiny:1 was created. deploy_qa deploys this image anyway. To create a new image "
        "first, use `mlops run release`."
    )
    for request in (RunRequest("release"), RunRequest("release", "test_qa"), RunRequest("build", "test_data")):
        assert find_warning(opened, request) == ""


def test_a_release_of_an_unchanged_image_that_failed_its_test_is_warned_of(
    workspace: Workspace, tmp_path: Path
) -> None:
    opened = open_model(workspace, "tiny", memory.open_backend())
    outdated = publish(opened.backend, tmp_path, 1.0)
    release(opened.backend, outdated, passed=False)
    opened.backend.registry.promote("tiny", 1, expected="")
    assert find_warning(opened, RunRequest("release")) == ""  # the release creates a new image
    texts = (f"{name}={tmp_path / file}" for name, file in SOURCES.items())
    opened = opened.override(*map(read_override, texts))
    sources = find_image_sources(opened, list_packing()[0])
    build_bundle(
        tmp_path / "bundle",
        sources,
        model_name="tiny",
        model_version=1,
        model_files=[make_files(tmp_path, 1.0) / "model.json"],
        example=[],
    )
    image = opened.backend.images.publish(tmp_path / "bundle", opened.backend.registry.get_version("tiny", 1))
    assert find_warning(opened, RunRequest("release")) == ""  # only the older image failed
    release(opened.backend, image, passed=False)
    said = (
        "Warning: tiny version 1 failed its last test in production, and its image is unchanged, so the same image is "
        "deployed and tested again. To get a new image, first change the scoring script or its lock."
    )
    for request in (RunRequest("release"), RunRequest("release", "deploy_qa")):
        assert find_warning(opened, request) == said
    for request in (RunRequest("all"), RunRequest("release", "deploy_production"), RunRequest("release", "test_qa")):
        assert find_warning(opened, request) == ""

    def stop(text: str) -> None:
        raise InterruptedError(text)

    with pytest.raises(InterruptedError, match=f"^{said}$"):
        start_run(opened, RunRequest("release"), warned=stop)
    assert not workspace.outputs.exists()
    named = opened.override(*opened.overrides, read_override(f"deploy.image_digest={image.digest}"))
    assert find_warning(named, RunRequest("release")) == ""
    release(opened.backend, image)
    assert find_warning(opened, RunRequest("release")) == ""


def test_a_service_that_a_person_stopped_is_not_tested(workspace: Workspace, tmp_path: Path) -> None:
    """Otherwise, it would count as failed, and the version before it would be deployed."""
    opened = open_model(workspace, "tiny", memory.open_backend())
    for number in (1.0, 2.0):
        release(opened.backend, publish(opened.backend, tmp_path, number))
    opened.backend.services.stop("production")
    said = (
        "production is stopped, so test_production has nothing to test. `mlops run release` deploys and tests the "
        "champion."
    )
    with pytest.raises(UsageError, match=f"^{said}$"):
        start_run(opened, RunRequest("release", only="test_production"))
    (stopped,) = (found for found in opened.backend.services.list_services() if found.environment == "production")
    assert (stopped.model, stopped.health, stopped.tested) == ("tiny version 2", "stopped", "passed")
    assert not workspace.outputs.exists()
    opened.backend.services.stop("qa")


def test_an_image_whose_model_was_deleted_is_refused_before_anything_runs(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend: Any = memory.open_backend()
    first = publish(backend, tmp_path)
    backend.registry.promote("tiny", publish(backend, tmp_path, 2.0).model_version, expected="")
    opened = open_model(workspace, "tiny", backend)

    def name_image(digest: str) -> OpenProject:
        return opened.override(read_override(f"deploy.image_digest={digest}"))

    with pytest.raises(UsageError, match=r"^deploy_qa.image_digest: There is no image sha256:0 in memory"):
        start_run(name_image("sha256:0"), RunRequest("release"))
    monkeypatch.setitem(backend.registry._versions, "tiny", backend.registry._versions["tiny"][1:])
    with pytest.raises(UsageError) as raised:
        start_run(name_image(first.digest), RunRequest("release"))
    assert str(raised.value) == (
        f"deploy_qa.image_digest: The registry no longer has tiny version 1, so its image, {first.digest}, cannot be "
        "tested. Release the champion without naming an image, or train another model with `mlops run retrain`."
    )
    monkeypatch.setattr(backend.images, "find_image", lambda model: None)
    with pytest.raises(UsageError, match=r"^The champion, tiny version 2, has no scoring image\. Create one with "):
        start_run(opened, RunRequest("release", only="deploy_qa"))
    assert not workspace.outputs.exists()


class Unreachable:
    """The infrastructure of a platform that cannot be asked."""

    def require_ready(self) -> None:
        """See `Infrastructure`."""
        raise PlatformError("unreachable")


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (
            RunRequest("build", allowed=Permissions(take_over=True)),
            "--take-over: The pipeline build does not deploy anything",
        ),
        (RunRequest("build", run_id="a b"), "'a b' cannot be the name of a run"),
        (RunRequest("build", "test"), "--only test: there is no such step in build"),
        (
            RunRequest("all", "train", model_file=Path("model.json")),
            "--model-file: The step train does not deploy anything",
        ),
    ],
)
def test_a_wrong_option_is_refused_before_the_platform_is_asked(
    workspace: Workspace, request_: RunRequest, said: str
) -> None:
    opened = open_here(workspace)
    backend: Any = replace(opened.backend, infrastructure=cast("Infrastructure", Unreachable()))
    with pytest.raises(UsageError, match=said):
        start_run(replace(opened, backend=backend), request_)
    with pytest.raises(UsageError, match="test_data.data_path is 'none.csv', but there is no such file"):
        start_run(replace(open_here(workspace, "test_data.data_path=none.csv"), backend=backend), RunRequest("build"))


def test_the_run_to_resume_is_the_one_asked_for_or_the_newest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="so there is nothing to resume. Start one with `mlops run all`"):
        find_run(tmp_path)
    for name in ("20261122-190758-build-1", "20261122-190759-build-2"):
        write_run(RunRecord(name, "build", "local", "failed", "", "", NO_PROCESS, ()), tmp_path)
    assert find_run(tmp_path).run_id == "20261122-190759-build-2"
    assert find_run(tmp_path, "20261122-190758-build-1").run_id == "20261122-190758-build-1"
    write_run(RunRecord("monday", "build", "local", "succeeded", "", "", NO_PROCESS, (), order=1), tmp_path)
    assert find_run(tmp_path).run_id == "20261122-190759-build-2"
    old = tmp_path / "20261122-190758-build-1" / "run.json"
    old.write_bytes(b"\x80")
    assert find_run(tmp_path).run_id == "20261122-190759-build-2"
    newest = tmp_path / "20261122-190800-build-3" / "run.json"
    newest.parent.mkdir()
    newest.write_bytes(b"")
    with pytest.raises(UsageError, match=f"newest run, {newest.parent.name}, cannot be resumed: {newest} is damaged"):
        find_run(tmp_path)
    with pytest.raises(IntegrityError, match=f"{newest} is damaged"):
        find_run(tmp_path, newest.parent.name)
    for name in ("nothing", "../x"):
        with pytest.raises(UsageError, match=f"There is no run {name} in .*`mlops status` lists the runs"):
            find_run(tmp_path, name)
