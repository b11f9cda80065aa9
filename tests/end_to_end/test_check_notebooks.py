"""`mlops check-notebooks` on a run of the data test: unchanged, and with a difference in its executed copy."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine
from sandbox import SANDBOX, commit_outputs

from mlops.files.hashes import hash_folder
from mlops.record.ledger import list_runs
from mlops.scraps import read_scraps
from mlops.workspace import Workspace

NOTEBOOK = "01_test_data.ipynb"
HEAVY = ("jupyter_client", "nbclient", "papermill", "nbformat", "zmq", "pandas", "matplotlib", "sklearn", "mlflow")


@pytest.fixture(scope="module")
def ran(make_mlops) -> Path:  # type: ignore[no-untyped-def]
    """The folder of a run of the build pipeline."""
    mlops = make_mlops()
    done = mlops.invoke("run", "build")
    assert done.returncode == 0, done.stderr
    (record,) = list_runs(mlops.workspace.outputs)
    return Path(mlops.workspace.outputs / record.run_id)


@pytest.fixture(scope="module")
def mlops(ran: Path, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """The command line in a copy of the project in which the outputs of the run are committed."""
    mlops = CommandLine(Workspace(SANDBOX, ran.parents[1] / "home", ran.parent))
    return commit_outputs(mlops, ran.name, tmp_path_factory.mktemp("committed"))


@pytest.fixture
def copy(ran: Path, tmp_path: Path) -> Path:
    """A copy of that run in which a test changes something."""
    return Path(shutil.copytree(ran, tmp_path / ran.name))


def edit(run: Path, change: Callable[[str], str]) -> None:
    """Change the text of the executed notebook."""
    path = run / NOTEBOOK
    old = path.read_text()
    assert change(old) != old
    path.write_text(change(old))


def test_an_unchanged_run_is_the_same_and_nothing_is_executed_or_written(ran, mlops) -> None:  # type: ignore[no-untyped-def]
    """The modules that could execute a notebook are not even imported."""
    state = mlops.workspace.home.parent
    before, committed = hash_folder(state), hash_folder(mlops.workspace.notebooks)
    script = f"""
import sys
from mlops.cli import main
try:
    main(["check-notebooks"])
finally:
    print("imported:", [name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=mlops.workspace.project,
        env=mlops.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "✓ 01_test_data                6 compared, none differ" in done.stdout
    assert "All 6 compared outputs are the same." in done.stdout
    assert "imported: []" in done.stdout
    assert float(re.findall(r"compared in (\d+\.\d) s", done.stdout)[0]) < 2
    assert (hash_folder(state), hash_folder(mlops.workspace.notebooks)) == (before, committed)


def seed_a_picture(content: str) -> str:
    """Replace the plot with a white page."""
    white = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg=="
    return re.sub(r'"image/png": "[^"]+"', f'"image/png": "{white}"', content)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            lambda text: text.replace('"data": 442', '"data": 441'),
            r"scrap rows: 441, committed 442",
        ),
        (
            lambda text: text.replace("<td>152</td>", "<td>153</td>"),
            r"cell `drifts = drift\.compare_profiles\(reference, tabl…` row Y, column mean: 153, "
            r"committed 152 \(allowed: 0\.001\)",
        ),
        (
            seed_a_picture,
            r"cell `figures\.show_figure\(figures\.plot_drift\(drifts\),…` picture: differs by 0\.\d+ "
            r"\(allowed: 0\.13\)",
        ),
        (
            lambda text: text.replace("passed with 442", "passed with 441"),
            r"cell `print\(\"the data file passed with\", .*` line 1: 'the data file passed with 441 rows', committed "
            r"'the data file passed with 442 rows' \(allowed: 0\.001\)",
        ),
    ],
    ids=["scrap", "table", "picture", "text"],
)
def test_a_seeded_difference_is_told_in_one_line(copy, mlops, change, line) -> None:  # type: ignore[no-untyped-def]
    edit(copy, change)
    done = mlops.invoke("check-notebooks", str(copy))
    assert done.returncode == 1, done.stderr
    assert "✗ 01_test_data                6 compared, 1 differs\n" in done.stdout
    assert re.search(rf"^    {line}$", done.stdout, re.MULTILINE), done.stdout
    assert "\n1 of 6 compared outputs differs.\n" in done.stdout


def test_what_is_within_the_tolerance_or_only_edited_is_the_same(copy, mlops) -> None:  # type: ignore[no-untyped-def]
    edit(copy, lambda text: text.replace("<td>152</td>", "<td>152.1</td>"))
    edit(copy, lambda text: text.replace("table.head.map", "table.head.head(2).map"))
    done = mlops.invoke("check-notebooks", str(copy), "--junit", str(copy / "result.xml"))
    assert done.returncode == 0, done.stdout
    assert "    note: edited since the run: `home = find_workspace().home`\n" in done.stdout
    assert 'failures="0"' in (copy / "result.xml").read_text()


def test_a_missing_notebook_is_a_difference(copy, mlops) -> None:  # type: ignore[no-untyped-def]
    (copy / NOTEBOOK).unlink()
    verdict: dict[str, Any] = json.loads(mlops.invoke("check-notebooks", str(copy), "--json").stdout)
    (found,) = verdict["notebooks"]
    assert (verdict["same"], found["compared"]) == (False, 0)
    assert (found["differences"][0]["where"], found["differences"][0]["found"]) == (NOTEBOOK, f"is missing in {copy}")


def test_a_run_that_is_not_there_is_bad_usage(ran, mlops) -> None:  # type: ignore[no-untyped-def]
    done = mlops.invoke("check-notebooks", "20200101-000000-all-00000000")
    assert (done.returncode, done.stdout) == (2, "")
    assert "mlops: There is no run '20200101-000000-all-00000000' in " in done.stderr


def test_committed_scraps_are_not_those_of_a_run_that_failed(ran, mlops) -> None:  # type: ignore[no-untyped-def]
    assert mlops.invoke("run", "build", "-p", "test_data.min_rows=1000").returncode == 1
    (newest, *_) = list_runs(mlops.workspace.outputs)
    assert read_scraps(mlops.workspace.notebooks / NOTEBOOK)["rows"] == 442
    assert read_scraps(mlops.workspace.outputs / newest.run_id / NOTEBOOK) == {}
    done = mlops.invoke("check-notebooks", newest.run_id)
    assert done.returncode == 1
    assert "    the step: failed: DataTestFailed in the cell that begins " in done.stdout
    assert f"Run {ran.name} and notebooks/, compared in" in mlops.invoke("check-notebooks").stdout
