"""The parameters that differ from the previous run."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from mlops.parameters.merging import Parameters
from mlops.record.changes import list_changes, measure_duration
from mlops.record.ledger import RunRecord, RunSettings, StepRecord
from mlops.record.processes import own_process

NOTEBOOKS = {
    "test_data": "01_test_data",
    "train": "02_train",
    "deploy_qa": "06_deploy",
    "deploy_production": "06_deploy",
}
DEFAULTS = {"test_data": {"data_path": ""}, "train": {"alpha": 0.4, "seed": 0}}


def make_run(
    pipeline: str = "all",
    started: str = "",
    finished: str = "",
    shared: dict[str, Any] | None = None,
    only: str = "",
    defaults: Mapping[str, dict[str, Any]] = MappingProxyType({}),
    **values: dict[str, Any],
) -> RunRecord:
    """Return a run that was given these values."""
    parameters = Parameters("local", 10.0, shared or {}, values) if values else None
    settings = RunSettings(parameters, only, defaults=defaults)
    steps = tuple(StepRecord(name, NOTEBOOKS[name]) for name in values)
    return RunRecord(
        "run", pipeline, "local", "succeeded", started, "", own_process(), steps, finished=finished, settings=settings
    )


def test_the_parameter_that_differs_from_the_run_before_is_named() -> None:
    run = make_run(
        train={"alpha": 0.1, "seed": 0}, test_data={"data_path": "file:///home/versions/2/diabetes-of-november.csv"}
    )
    other = make_run("build", train={"alpha": 7})
    before = make_run(train={"alpha": 0.4, "seed": 0}, test_data={})
    assert list_changes(run, [other, before]) == [
        "train.alpha 0.1 (before: 0.4)",
        "test_data.data_path diabetes-of-november.csv (before: default)",
    ]
    assert list_changes(before, [make_run(train={"alpha": 0.4, "seed": 0}, test_data={})]) == ["none"]


def test_a_value_that_is_the_default_is_no_change() -> None:
    plain = make_run(train={}, test_data={}, defaults=DEFAULTS)
    given = make_run(train={"alpha": 0.4, "seed": 1}, test_data={}, defaults=DEFAULTS)
    assert list_changes(given, [plain]) == ["train.seed 1 (before: 0)"]
    edited = replace(plain, settings=replace(plain.settings, defaults={**DEFAULTS, "train": {"alpha": 1.0, "seed": 0}}))
    assert list_changes(edited, [plain]) == ["train.alpha 1.0 (before: 0.4)"]
    old = make_run(train={"alpha": 0.4}, test_data={})  # without defaults
    assert list_changes(plain, [old]) == ["none"]


def test_a_file_that_the_notebook_chose_itself_is_the_one_that_is_named_later() -> None:
    file = {"data_path": "file:///home/you/project/.mlops/datasets/a/diabetes.csv"}
    first = make_run(test_data={"data_path": ""})
    first = first.with_step(replace(first.steps[0], results=file))
    assert list_changes(make_run(test_data=file), [first]) == ["none"]
    other = make_run(test_data={"data_path": file["data_path"].replace("/a/", "/b/")})
    assert list_changes(other, [first]) == ["test_data.data_path b/diabetes.csv (before: a/diabetes.csv)"]


def test_a_long_value_that_is_no_path_is_shown_from_its_beginning() -> None:
    """The end of a digest would look like a commit, and the end of a reason like another reason."""
    digest = f"sha256:{'0123456789abcdef' * 4}"
    first, second = make_run(deploy_qa={"image_digest": ""}), make_run(deploy_qa={"image_digest": digest})
    said = "deploy_qa.image_digest sha256:0123456789abcdef0123456789abcdef… (before: default)"
    assert list_changes(second, [first]) == [said]
    other = make_run(deploy_qa={"image_digest": f"{digest[:-1]}0"})
    assert list_changes(other, [second]) == [f"deploy_qa.image_digest {digest[:-1]}0 (before: {digest})"]
    long = make_run(test_data={"data_path": f"/home/{'a' * 30}{'b' * 40}"})
    plain = make_run(test_data={"data_path": "/home/c.csv"})
    assert list_changes(long, [plain]) == [f"test_data.data_path …{'b' * 39} (before: /home/c.csv)"]


def test_what_steps_share_is_named_once_and_steps_that_one_run_lacks_are_not_named() -> None:
    def give(name: str, force: bool, alpha: float) -> RunRecord:
        values = {"model_name": name, "force": force, "platform": name}
        train = {"model_name": name, "alpha": alpha, "run_folder": name}
        return make_run(shared={"model_name": name}, train=train, deploy_qa=values, deploy_production=values)

    now, before = give("other", True, 1), give("diabetes", False, 1)
    said = ["shared.model_name other (before: diabetes)", "deploy.force true (before: false)"]
    assert list_changes(now, [before]) == said
    assert list_changes(now, [replace(before, steps=before.steps[:1])]) == said[:1]
    assert list_changes(replace(now, platform="azure"), [now]) == ["platform azure (before: local)"]


def test_a_step_that_ran_alone_is_compared_with_its_last_run_alone() -> None:
    alone = make_run(only="train", train={"alpha": 1}, test_data={"data_path": "b.csv"})
    whole = make_run(train={"alpha": 2}, test_data={"data_path": "a.csv"})
    before = make_run(only="train", train={"alpha": 3}, test_data={"data_path": "a.csv"})
    assert list_changes(alone, [whole, before]) == ["train.alpha 1 (before: 3)"]


def test_a_step_that_ran_alone_is_compared_with_its_inputs() -> None:
    def evaluate(alpha: float, sweep: str) -> RunRecord:
        run = make_run(
            only="deploy_qa", train={"alpha": 0.4}, test_data={"data_path": sweep}, deploy_qa={"force": False}
        )
        took = {"alpha": alpha, "sweep": sweep, "run_folder": sweep}
        return run.with_step(replace(run.get_step("train"), state="reused", parameters=took))

    assert list_changes(evaluate(0.01, "2-sweep"), [evaluate(0.1, "")]) == ["train.alpha 0.01 (before: 0.1)"]


def test_a_run_with_nothing_to_compare_has_no_changes() -> None:
    assert list_changes(make_run(), [make_run(train={"alpha": 1})]) == []
    assert list_changes(make_run(train={"alpha": 1}), [make_run()]) == ["first run"]


def test_a_run_is_compared_with_the_last_one_that_succeeded() -> None:
    run, good = make_run(train={"alpha": 3}), make_run(train={"alpha": 1})
    red = replace(make_run(train={"alpha": 2}), state="failed", outcome="error")
    interrupted = replace(red, state="interrupted")
    assert list_changes(run, [interrupted, red, good]) == ["train.alpha 3 (before: 1)"]
    assert list_changes(run, [make_run("build", train={"alpha": 1}), red]) == ["no earlier run succeeded"]


@pytest.mark.parametrize(
    ("finished", "shown"),
    [
        ("2026-11-22T19:08:39Z", "41 s"),
        ("2026-11-22T19:11:03Z", "3 min 5 s"),
        ("2026-11-22T21:08:58Z", "2 h 1 min"),
        ("", ""),
    ],
)
def test_a_duration_is_said_in_words(finished: str, shown: str) -> None:
    assert measure_duration(make_run(started="2026-11-22T19:07:58Z", finished=finished)) == shown
