"""The command `mlops sweep`: mistakes in its options, tested in this process."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from command_line import CommandLine

from mlops.cli import main
from mlops.record.ledger import RunRecord, StepRecord, list_runs, write_run
from mlops.record.processes import NO_PROCESS
from mlops.workspace import Workspace


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "No values are listed for a parameter of train. List the values to try: `-p alpha=0.04,0.4,4`."),
        (["-p", "alpha=0.1,-1"], "-p train.alpha is '-1', but it must be a number in [0, 1000000]"),
        (["-p", "alpha=1,2", "-p", "evaluate.min_rows=9"], "-p evaluate.min_rows: the pipeline sweep has no step"),
        (["-p", "alpha=1,2", "--jobs", "2", "--scheduler", "tcp://x:1"], "--jobs applies only to this machine"),
        (["-p", "alpha=1,2", "--scheduler", "x"], "--scheduler x is not the address of a Dask scheduler"),
        (["-p", "alpha=1,2", "--platform", "moon"], "There is no platform 'moon'"),
    ],
)
def test_bad_usage_says_what_is_wrong_and_runs_nothing(tmp_path: Path, words: list[str], said: str) -> None:
    environ = {"MLOPS_HOME": str(tmp_path / "home"), "MLOPS_OUTPUTS": str(tmp_path / "outputs")}
    ran = CliRunner().invoke(main, ["sweep", "train", *words], env=environ)
    assert (ran.exit_code, said in ran.output) == (2, True), ran.output
    assert not (tmp_path / "outputs").exists()


def test_a_metric_that_the_last_training_does_not_have_is_refused(workspace: Workspace) -> None:
    step = StepRecord("train", "02_train", state="done", results={"mse": 3041.2})
    run = RunRecord("20261122-190758-retrain-3f9a51c2", "retrain", "local", "succeeded", "", "", NO_PROCESS, (step,))
    write_run(run, workspace.outputs)
    refused = CommandLine(workspace).invoke("sweep", "train", "-p", "alpha=0.1,1", "--metric", "rmse")
    assert refused.returncode == 2
    assert refused.stderr.startswith("mlops: --metric: 02_train has no result 'rmse'. Did you mean 'mse'?")
    assert list_runs(workspace.outputs) == [run]


def test_a_cluster_needs_the_extra_dask(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = ("sweep", "train", "-p", "alpha=1,2", "--scheduler", "tcp://127.0.0.1:1")
    refused = CommandLine(workspace).invoke(*words)
    assert (refused.returncode, refused.stderr) == (
        2,
        "mlops: --scheduler needs packages that are not installed: distributed. Run `make setup EXTRAS=dask`, or "
        "without a checkout `pip install 'notebook-mlops[dask]'`.\n",
    )
