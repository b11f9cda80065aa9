"""The records of runs, which are correct after any crash."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlops.errors import FormatError, IntegrityError, RunNotFoundError
from mlops.parameters.merging import Parameters
from mlops.record.ledger import (
    FORMAT,
    RunRecord,
    RunSettings,
    StepRecord,
    list_runs,
    make_run_folder,
    make_run_id,
    read_run,
    write_run,
)
from mlops.record.processes import ProcessId, identify_process, own_process

TRAIN = StepRecord(
    name="train",
    notebook="02_train",
    state="done",
    started="2026-11-22T19:08:01Z",
    seconds=2.5,
    parameters={"alpha": 0.4, "seed": 0, "label": "größer"},
    results={"mse": 2900.25, "columns": ["AGE", "SEX"], "first": True, "nothing": None},
    report="02_train.html",
)
EVALUATE = StepRecord(name="evaluate", notebook="03_evaluate", state="running", started="2026-11-22T19:08:04Z")
REGISTER = StepRecord(name="register", notebook="04_register")


def make_run(**changes: object) -> RunRecord:
    """Return a run of this process that is in its second step."""
    record = RunRecord(
        run_id="20261122-190758-all-3f9a51c2",
        pipeline="all",
        platform="local",
        state="running",
        started="2026-11-22T19:07:58Z",
        git_commit="unknown",
        process=own_process(),
        steps=(TRAIN, EVALUATE, REGISTER),
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def end_process() -> ProcessId:
    """Return the identity of a process that no longer runs."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = identify_process(child.pid)
    child.communicate(b"\n")
    return process


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = make_run()
    write_run(record, tmp_path)
    assert read_run(tmp_path / record.run_id) == record
    assert [path.name for path in (tmp_path / record.run_id).iterdir()] == ["run.json"]


def test_a_running_record_whose_process_is_gone_is_lost(tmp_path: Path) -> None:
    record = make_run(process=end_process())
    write_run(record, tmp_path)
    found = read_run(tmp_path / record.run_id)
    assert (found.state, found.outcome) == ("lost", "error")
    lost = "the process that executed the run ended before the run was finished"
    failed = replace(EVALUATE, state="failed", error=lost)
    assert found.steps == (TRAIN, failed, REGISTER)


def test_another_process_under_the_same_id_is_not_the_runner(tmp_path: Path) -> None:
    number, created, _ = own_process()
    write_run(make_run(process=ProcessId(number, created - 3600)), tmp_path)
    assert read_run(tmp_path / "20261122-190758-all-3f9a51c2").state == "lost"


@pytest.mark.parametrize("state", ["succeeded", "failed", "interrupted"])
def test_a_run_that_said_how_it_ended_keeps_its_word(tmp_path: Path, state: str) -> None:
    record = make_run(state=state, outcome="done", process=end_process())
    write_run(record, tmp_path)
    assert read_run(tmp_path / record.run_id) == record


def test_runs_are_listed_newest_first(tmp_path: Path) -> None:
    for day in ("20261122", "20270101", "20261123"):
        write_run(make_run(run_id=f"{day}-190758-all-3f9a51c2"), tmp_path)
    (tmp_path / "no run").mkdir()
    (tmp_path / "index.html").write_text("")
    assert [run.run_id[:8] for run in list_runs(tmp_path)] == ["20270101", "20261123", "20261122"]
    assert list_runs(tmp_path / "none") == []


def test_a_record_without_settings_is_read_as_one_that_cannot_be_resumed(tmp_path: Path) -> None:
    """Such records are those of sweeps, and those from before settings had a type."""
    write_run(make_run(), tmp_path)
    path = tmp_path / make_run().run_id / "run.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "settings": {}}))
    assert read_run(path.parent).settings == RunSettings()
    told = {"platform": "local", "step_timeout_minutes": 10, "shared": {}, "values": {"train": {"alpha": 1}}}
    path.write_text(json.dumps({**content, "settings": {"parameters": told, "only": "train", "force": True}}))
    settings = read_run(path.parent).settings
    assert settings == RunSettings(Parameters("local", 10.0, {}, {"train": {"alpha": 1}}), "train", True)


@pytest.mark.parametrize("name", ["none", "folder", "file"])
def test_a_folder_without_record_is_no_run(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(RunNotFoundError) as raised:
        read_run(tmp_path / name)
    assert str(raised.value) == f"{tmp_path / name} is not the folder of a run, because it has no run.json."


def test_run_ids_are_unique() -> None:
    assert len({make_run_id("all") for _ in range(1000)}) == 1000


def test_a_run_has_a_folder_that_no_other_run_has(tmp_path: Path) -> None:
    """The clock and the random digits stand still for two of three names."""
    names = iter(["20261125-190758-all-3f9a51c2", "20261125-190758-all-3f9a51c2", "20261125-190758-all-3f9a51c3"])
    made = [make_run_folder(tmp_path / "outputs", "all", lambda pipeline: next(names)) for _ in range(2)]
    assert [folder.name[-8:] for folder in made] == ["3f9a51c2", "3f9a51c3"]
    assert all(folder.is_dir() for folder in made)


def test_run_ids_begin_with_the_time() -> None:
    before = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    made = make_run_id("all")
    assert before <= datetime.strptime(made[:15], "%Y%m%d-%H%M%S") <= datetime.now(UTC).replace(tzinfo=None)
    assert made[15:21] == "-all-" + made[20]


def test_a_step_is_found_and_replaced_by_its_name() -> None:
    record = make_run()
    assert record.step("evaluate") == EVALUATE
    assert record.step("deploy") is None
    done = replace(EVALUATE, state="done", seconds=1.0)
    assert record.with_step(done).steps == (TRAIN, done, REGISTER)


def test_a_result_is_the_last_step_s_that_handed_it_on() -> None:
    record = make_run(steps=(TRAIN, replace(EVALUATE, results={"mse": 2800.0})))
    assert [record.result(name) for name in ("mse", "first", "none")] == [2800.0, True, None]


@pytest.mark.parametrize("content", [b'{"run_id": ', b'{"run_id": "\x80"}', b"", None], ids=str)
def test_a_damaged_record_does_not_hide_the_others(tmp_path: Path, content: bytes | None) -> None:
    write_run(make_run(run_id="20261122-190758-all-11111111"), tmp_path)
    path = tmp_path / "20261122-190758-all-00000000" / "run.json"
    path.parent.mkdir()
    path.mkdir() if content is None else path.write_bytes(content)
    whole, found = list_runs(tmp_path)
    assert (found.run_id, found.state, found.outcome) == ("20261122-190758-all-00000000", "unreadable", "error")
    assert found.error.startswith(f"{path} ")
    assert whole.run_id == "20261122-190758-all-11111111"


def test_one_invalid_byte_in_a_record_makes_that_run_unreadable(tmp_path: Path) -> None:
    write_run(make_run(), tmp_path)
    path = tmp_path / make_run().run_id / "run.json"
    path.write_bytes(path.read_bytes().replace(b"3f9a51c2", b"3f9a51c\x80", 1))
    with pytest.raises(IntegrityError, match=f"{path} is damaged"):
        read_run(path.parent)
    assert [run.state for run in list_runs(tmp_path)] == ["unreadable"]


@pytest.mark.parametrize("pid", [-5, 2**40, 2**70])
def test_a_process_that_cannot_be_is_not_alive(tmp_path: Path, pid: int) -> None:
    write_run(make_run(), tmp_path)
    path = change_record(tmp_path / make_run().run_id, process=[pid, 0.0])
    assert [run.state for run in list_runs(tmp_path)] == ["lost"]
    assert path.is_file()


def change_record(folder: Path, **changes: object) -> Path:
    """Change fields of a record on disk, as another version would have written them; None removes one."""
    path = folder / "run.json"
    fields = {**json.loads(path.read_bytes()), **changes}
    path.write_text(json.dumps({name: value for name, value in fields.items() if value is not None}))
    return path


def test_a_record_without_a_format_is_read_and_is_written_in_the_newest(tmp_path: Path) -> None:
    record = make_run()
    write_run(record, tmp_path)
    path = change_record(tmp_path / record.run_id, format=None)
    assert read_run(path.parent) == record
    write_run(read_run(path.parent), tmp_path)
    assert json.loads(path.read_bytes())["format"] == FORMAT


@pytest.mark.parametrize("changes", [{}, {"steps": "elsewhere"}], ids=["alike", "different"])
def test_a_newer_record_is_refused_and_shown_as_what_it_is(tmp_path: Path, changes: dict[str, object]) -> None:
    write_run(make_run(), tmp_path)
    path = change_record(tmp_path / make_run().run_id, format=FORMAT + 1, **changes)
    with pytest.raises(FormatError) as refused:
        read_run(path.parent)
    assert str(refused.value) == (
        f"{path} has format {FORMAT + 1}, but this version reads up to format {FORMAT}. "
        "Nothing was changed. Update the checkout and run `make setup`."
    )
    (found,) = list_runs(tmp_path)
    assert (found.run_id, found.state, found.format) == (make_run().run_id, "newer", FORMAT + 1)
    assert found.error == f"written by a newer version in format {FORMAT + 1}; this version reads up to format {FORMAT}"


def test_a_record_that_is_damaged_is_not_taken_for_a_newer_one(tmp_path: Path) -> None:
    write_run(make_run(), tmp_path)
    path = change_record(tmp_path / make_run().run_id, steps="elsewhere")
    with pytest.raises(IntegrityError, match="is damaged"):
        read_run(path.parent)
