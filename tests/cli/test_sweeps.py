"""The command `mlops sweep`: mistakes in its options, tested in this process."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from mlops.cli import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "No parameter of train has values to sweep. List some, as in `-p alpha=0.04,0.4,4`."),
        (["-p", "alpha=0.1,-1"], "-p train.alpha is '-1', but it must be a number in [0, 1000000]"),
        (["-p", "alpha=1,2", "-p", "evaluate.min_rows=9"], "-p evaluate.min_rows: the pipeline sweep has no step"),
        (["-p", "alpha=1,2", "--jobs", "2", "--scheduler", "tcp://x:1"], "--jobs is for this machine"),
        (["-p", "alpha=1,2", "--scheduler", "x"], "--scheduler x is not the address of a Dask scheduler"),
        (["-p", "alpha=1,2", "--platform", "moon"], "There is no platform 'moon'"),
    ],
)
def test_bad_usage_says_what_is_wrong_and_runs_nothing(
    project: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    environ = {"MLOPS_HOME": str(tmp_path / "home"), "MLOPS_OUTPUTS": str(tmp_path / "outputs")}
    ran = CliRunner().invoke(main, ["sweep", "train", *words], env=environ)
    assert (ran.exit_code, said in ran.output) == (2, True), ran.output
    assert not (tmp_path / "outputs").exists()
