"""A whole run against the committed notebooks."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from shown import make_cell, make_notebook

from mlops.errors import IntegrityError, UsageError
from mlops.record.ledger import RunRecord, StepRecord, StepState, read_run, write_run
from mlops.record.processes import NO_PROCESS
from mlops.regression.check import Verdict, check_run, find_run
from mlops.regression.comparison import Comparison
from mlops.regression.values import Difference


def check(folder: Path) -> Verdict:
    """Check a run against the notebooks beside it."""
    return check_run(folder, folder.parents[1] / "notebooks")


def test_a_run_is_checked_copy_by_copy(folder: Path) -> None:
    verdict = check(folder)
    assert verdict.same
    assert verdict.seconds < 1
    assert verdict.notebooks == (
        Comparison("01_n-qa", 4, notes=("run with alpha=0.1 (committed: 0.4)",)),
        Comparison("01_n-production", 4),
        Comparison("02_m", skipped="not run: not better"),
    )


def test_a_step_that_was_taken_over_is_compared_and_told(folder: Path) -> None:
    record = json.loads((folder / "run.json").read_text())
    record["steps"][1] |= {"state": "reused", "source": "r1", "reason": "unchanged since run r1"}
    (folder / "run.json").write_text(json.dumps(record))
    assert check(folder).notebooks[1] == Comparison("01_n-production", 4, notes=("unchanged since run r1",))


def test_a_missing_notebook_and_a_failed_step_are_differences(folder: Path) -> None:
    (folder / "01_n-qa.ipynb").unlink()
    (missing,) = check(folder).notebooks[0].differences
    assert missing == Difference("01_n-qa.ipynb", f"is missing in {folder}")
    assert check(folder).advice == "Restore the missing files, or compare another run."
    record = json.loads((folder / "run.json").read_text())
    record["steps"][0] |= {"state": "failed", "error": "KeyError in cell [3]"}
    (folder / "run.json").write_text(json.dumps(record))
    verdict = check(folder)
    assert not verdict.same
    assert str(verdict.notebooks[0].differences[0]) == "the step: failed: KeyError in cell [3]"


def test_the_advice_fits_the_cause(folder: Path) -> None:
    """`make notebooks` executes the notebooks with their own values, so it does not help after a run with others."""
    assert check(folder).advice == ""
    committed = folder.parents[1] / "notebooks" / "01_n.ipynb"
    content = json.loads(committed.read_text())
    content["cells"].append(make_cell("new", "new = 1"))
    committed.write_text(json.dumps(content))
    said = "The run did not use the committed values of n_qa.alpha. Compare a run that uses them."
    assert check(folder).advice == said
    record = json.loads((folder / "run.json").read_text())
    record["steps"][0]["parameters"] = {"alpha": 0.4, "run_folder": "/x"}
    (folder / "run.json").write_text(json.dumps(record))
    assert check(folder).advice == "If the new outputs are right, run `make notebooks` and commit the notebooks."
    record["steps"][0] |= {"state": "failed", "error": "KeyError"}
    (folder / "run.json").write_text(json.dumps(record))
    assert check(folder).advice == "The step n_qa failed. Repair it, and run the pipeline again."


def test_a_step_without_differences_is_not_to_blame(folder: Path) -> None:
    """The step n_qa ran with another alpha, but shows what is committed."""
    (folder / "01_n-production.ipynb").write_text(json.dumps(make_notebook(rows=97)))
    assert check(folder).advice == "If the new outputs are right, run `make notebooks` and commit the notebooks."


def test_other_results_than_declared_need_a_confirmation(folder: Path) -> None:
    """As in the first run of another problem: plain `make notebooks` would only print the difference."""
    record = json.loads((folder / "run.json").read_text())
    record["steps"][0]["parameters"] = {"alpha": 0.4}
    (folder / "run.json").write_text(json.dumps(record))
    for environment in ("qa", "production"):
        path = folder / f"01_n-{environment}.ipynb"
        content = json.loads(path.read_text())
        content["metadata"]["mlops"]["check"]["scraps"]["auc"] = 1e-6
        path.write_text(json.dumps(content))
    committed = folder.parents[1] / "notebooks" / "01_n.ipynb"
    committed.write_text((folder / "01_n-qa.ipynb").read_text())
    said = "If the new outputs are right, run `make notebooks CONFIRM=1` and commit the notebooks."
    assert check(folder).advice == said


def test_a_run_of_which_nothing_is_compared_is_not_the_same(folder: Path) -> None:
    committed = folder.parents[1] / "notebooks" / "01_n.ipynb"
    content = json.loads(committed.read_text())
    content["metadata"]["mlops"]["check"]["if_same"] = ["version"]
    committed.write_text(json.dumps(content))
    for environment in ("qa", "production"):
        (folder / f"01_n-{environment}.ipynb").write_text(json.dumps(make_notebook(version=2)))
    verdict = check(folder)
    assert (verdict.same, verdict.is_empty) == (False, True)
    assert {found.skipped for found in verdict.notebooks[:2]} == {"not compared: version is 2 (committed: 1)"}
    assert verdict.advice == (
        "Compare a run that has the committed parameters and results. `mlops status` lists the latest runs."
    )


def test_only_the_first_step_that_differs_is_to_blame(folder: Path) -> None:
    """A later step shows the same cause again, so its own parameters say nothing about it."""
    record = json.loads((folder / "run.json").read_text())
    record["steps"][0]["parameters"], record["steps"][1]["parameters"] = {"alpha": 0.4}, {"alpha": 0.1}
    (folder / "run.json").write_text(json.dumps(record))
    for environment in ("qa", "production"):
        (folder / f"01_n-{environment}.ipynb").write_text(json.dumps(make_notebook(rows=97)))
    assert check(folder).advice == "If the new outputs are right, run `make notebooks` and commit the notebooks."
    record["steps"][0]["parameters"] = {"alpha": 0.2}
    (folder / "run.json").write_text(json.dumps(record))
    said = "The run did not use the committed values of n_qa.alpha. Compare a run that uses them."
    assert check(folder).advice == said


@pytest.mark.parametrize("state", ["done", "failed"])
def test_a_rollback_ran_no_notebooks(tmp_path: Path, state: StepState) -> None:
    step = StepRecord("rollback", "", "production", state)
    write_run(RunRecord("r1", "rollback", "local", "succeeded", "", "", NO_PROCESS, (step,)), tmp_path)
    said = "Run r1 is a rollback, which runs no notebooks, so there is nothing to compare. Name another run."
    with pytest.raises(UsageError, match=re.escape(said)):
        check_run(tmp_path / "r1", tmp_path)


def record_sweep(folder: Path, alpha: float) -> Verdict:
    """Check a sweep of `n` over alpha, whose best combination is `alpha`."""
    (folder / "01_n.ipynb").write_bytes((folder / "01_n-qa.ipynb").read_bytes())
    best = StepRecord("n", "01_n", state="done", parameters={"alpha": alpha, "run_folder": "/x"})
    summary = StepRecord("sweep", "01_n", state="done", parameters={"alpha": [0.1, 0.4]})
    needed = replace(read_run(folder).steps[0], state="reused", source="r0", reason="unchanged since run r0")
    steps = (needed, summary, best)
    write_run(replace(read_run(folder), pipeline="sweep", steps=steps), folder.parent)
    return check(folder)


def test_the_best_combination_of_a_sweep_is_compared_if_it_has_the_committed_values(folder: Path) -> None:
    verdict = record_sweep(folder, 0.4)
    assert [found.notebook for found in verdict.notebooks] == ["01_n-qa", "01_n"]
    assert verdict.notebooks[1] == Comparison("01_n", 4)


def test_the_best_combination_of_a_sweep_with_other_values_is_not_compared(folder: Path) -> None:
    verdict = record_sweep(folder, 0.1)
    said = "not compared: the best combination has alpha=0.1 (committed: 0.4)"
    assert verdict.notebooks[1] == Comparison("01_n", skipped=said)
    assert verdict.same
    (folder / "01_n-qa.ipynb").write_text(json.dumps(make_notebook(rows=97)))
    assert "sweep" not in check(folder).advice


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ({"output_type": "stream", "name": "stdout"}, "missing required field `text`"),
        ({"output_type": "display_data", "data": {"image/png": "abc"}}, "Incorrect padding"),
        ({"output_type": "display_data", "data": {"image/png": 5}}, "image/png: can only join an iterable"),
        ({"output_type": "display_data", "data": {"text/html": [1]}}, "text/html: sequence item 0: expected str"),
        ({"data": {}}, "missing required field `output_type`"),
    ],
)
def test_a_damaged_output_is_an_error_that_names_the_file(folder: Path, output: object, reason: str) -> None:
    content = make_notebook()
    content["cells"][0]["outputs"] = [output]
    (folder / "01_n-qa.ipynb").write_text(json.dumps(content))
    with pytest.raises(IntegrityError, match=r"01_n-qa\.ipynb is damaged \(.*outputs\[0\]") as raised:
        check(folder)
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"cells": [], "metadata": 5}', b"\x80", b'{"cells": [5], "metadata": {}}']
)
def test_a_file_that_is_not_a_notebook_is_an_error(folder: Path, content: bytes) -> None:
    (folder / "01_n-qa.ipynb").write_bytes(content)
    with pytest.raises(IntegrityError, match=r"01_n-qa\.ipynb is damaged \(.*Restore the notebook, or run its step"):
        check(folder)


def test_the_newest_run_that_succeeded_is_found(folder: Path, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    record = json.loads((folder / "run.json").read_text())
    newer = outputs / "20261123-000000-all-00000000"
    newer.mkdir()
    (newer / "run.json").write_text(json.dumps({**record, "run_id": newer.name, "state": "failed"}))
    assert find_run(outputs) == find_run(outputs, folder.name) == find_run(outputs, str(folder)) == folder
    assert find_run(outputs, newer.name) == newer
    with pytest.raises(UsageError, match="There is no run 'yesterday' in .*. `mlops status` lists the latest runs"):
        find_run(outputs, "yesterday")
    with pytest.raises(UsageError, match="No run in .* has succeeded yet. Run `mlops run all` first"):
        find_run(tmp_path / "none")


def test_a_run_in_which_nothing_was_executed_is_no_proof(folder: Path) -> None:
    record = json.loads((folder / "run.json").read_text())
    for step in record["steps"]:
        step["state"] = "skipped"
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(UsageError, match="did not execute a notebook, so there is nothing to compare"):
        check(folder)
