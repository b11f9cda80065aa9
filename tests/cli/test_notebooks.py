"""`mlops check-notebooks`: its output for a run that differs, and for a run without anything to compare."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from shown import make_notebook, write_checked_run

from mlops.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run in a project that is the current folder."""
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters" / "base.yml").touch()
    monkeypatch.chdir(tmp_path)
    return write_checked_run(tmp_path)


def check(*words: str) -> Result:
    """Run the command on the newest run of the current folder."""
    environ = {"MLOPS_HOME": "", "MLOPS_OUTPUTS": "", "TF_BUILD": "", "GITHUB_ACTIONS": "true"}
    return CliRunner(env={**os.environ, **environ}).invoke(main, ["check-notebooks", *words])


def write_copies(folder: Path, **values: float) -> None:
    """Write other copies of the run's notebook."""
    for environment in ("qa", "production"):
        (folder / f"01_n-{environment}.ipynb").write_text(json.dumps(make_notebook(**values)))


def test_outputs_that_differ_are_counted_and_quiet_prints_only_them(folder: Path) -> None:
    write_copies(folder, mse=3098.4)
    ran = check()
    assert ran.exit_code == 1
    assert "✗ 01_n-production             4 compared, 2 differ\n" in ran.stdout
    assert "\n\n4 of 8 compared outputs differ.\n" in ran.stdout
    quiet = check("-q").stdout.splitlines()
    assert quiet[0] == "✗ 01_n-qa                     4 compared, 2 differ"
    assert quiet[-2] == "4 of 8 compared outputs differ."
    assert not any("02_m" in line for line in quiet)


@pytest.mark.parametrize("command", [("check-notebooks", "--junit"), ("profile", "no.csv", "--output")])
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("parameters", "'parameters' is a folder. Name a file."),
        ("parameters/base.yml/x/y", "'parameters/base.yml/x/y' cannot be written, because {}/parameters/base.yml is a"),
    ],
)
def test_a_path_that_cannot_be_written_is_refused_first(
    folder: Path, command: tuple[str, ...], path: str, said: str
) -> None:
    ran = CliRunner().invoke(main, [*command, path])
    assert ran.exit_code == 2
    assert said.format(folder.parents[1]) in ran.stderr


def test_quiet_prints_one_line_if_all_is_the_same(folder: Path) -> None:
    ran = check("-q")
    assert (ran.exit_code, ran.stdout) == (0, "All 8 compared outputs are the same.\n")


def test_the_annotation_of_a_result_has_the_line_of_the_cell_that_hands_it_on(folder: Path) -> None:
    notebook = folder.parents[1] / "notebooks" / "01_n.ipynb"
    content = json.loads(notebook.read_text())
    for cell in content["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    notebook.write_text(json.dumps(content, indent=1))
    write_copies(folder, mse=3098.4)
    line = 1 + [text.strip() for text in notebook.read_text().splitlines()].index('"glue_results()"')
    assert f"::error file=notebooks/01_n.ipynb,line={line}::scrap mse: 3,100, committed 3,080 " in check().stderr


def test_a_run_that_shows_nothing_is_no_pass(folder: Path) -> None:
    notebook = folder.parents[1] / "notebooks" / "01_n.ipynb"
    content = json.loads(notebook.read_text())
    content["metadata"]["mlops"]["check"]["if_same"] = ["version"]
    notebook.write_text(json.dumps(content))
    write_copies(folder, version=2)
    for words in ((), ("-q",)):
        ran = check(*words)
        assert ran.exit_code == 2
        assert "– 01_n-qa                     not compared: version is 2 (committed: 1)\n" in ran.stdout
        assert ran.stdout.endswith(
            f"No output of run {folder.name} was compared, so the run shows nothing about the notebooks.\n"
            "Compare a run that has the committed parameters and results. `mlops status` lists the latest runs.\n"
        )
        assert ran.stderr.startswith("::error::No output of run")
    assert json.loads(check("--json").stdout)["same"] is False


def test_a_notebook_that_is_missing_could_not_be_compared(folder: Path) -> None:
    (folder / "01_n-qa.ipynb").unlink()
    ran = check()
    assert ran.exit_code == 1
    assert "✗ 01_n-qa                     not compared: a file is missing\n" in ran.stdout
    assert "\n1 of 3 notebooks could not be compared.\nRestore the missing files, or" in ran.stdout
