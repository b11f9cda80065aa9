"""Data that are larger than the example: the memory of each notebook, and the size of its report."""

import os
import subprocess
from pathlib import Path

import pytest
from command_line import MLOPS
from large_problem import copy_large_project, write_rows
from peak_memory import watch_notebooks

MOST_MEMORY = 900  # MB of any one step, in a fresh kernel
MOST_BYTES = 1_000_000  # of a report


def run(project: Path, home: Path, data: Path, *words: str) -> dict[str, float]:
    """Run a pipeline on a file, and return the largest memory of each notebook in MB."""
    environ = {
        **os.environ,
        "MLOPS_HOME": str(home),
        "MLOPS_OUTPUTS": str(home / "outputs"),
        "MLOPS_WARM_KERNELS": "0",
        "PYTHONPATH": str(project / "src"),
    }
    command = [str(MLOPS), "run", *words, "-p", f"test_data.data_path={data}"]
    with watch_notebooks(home) as peaks:
        ran = subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return peaks


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("rows", "columns"), [(1_000_000, 20), (500, 10_000)], ids=["tall", "wide"])
def test_a_run_on_large_data_stays_within_its_memory(tmp_path: Path, rows: int, columns: int) -> None:
    copy = copy_large_project(tmp_path, columns)
    data = write_rows(tmp_path / "data.parquet", rows, columns)
    peaks = run(copy, tmp_path / "home", data, "retrain")
    assert peaks.keys() >= {"01_test_data", "02_train", "03_evaluate"}
    assert max(peaks.values()) < MOST_MEMORY, peaks
    reports = {path.name: path.stat().st_size for path in (tmp_path / "home" / "outputs").rglob("0*.html")}
    assert len(reports) == 5
    assert max(reports.values()) < MOST_BYTES, reports
    peaks = run(copy, tmp_path / "home", data, "retrain", "-p", "train.alpha=0.5")  # is compared with the champion
    assert peaks.keys() >= {"02_train", "03_evaluate"}
    assert max(peaks.values()) < MOST_MEMORY, peaks


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_million_rows_are_tested_within_their_memory(tmp_path: Path) -> None:
    copy = copy_large_project(tmp_path, columns=11)
    data = write_rows(tmp_path / "data.parquet", rows=10_000_000, columns=11)
    peaks = run(copy, tmp_path / "home", data, "build", "--only", "test_data")
    assert peaks["01_test_data"] < 500, peaks
