"""State outlives versions: this version works on the home of an older one, and leaves a newer one alone."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import CommandLine
from old_homes import RUN, age_database, build_home

from mlops.files.hashes import hash_folder
from mlops.record.ledger import list_runs, read_run
from mlops.workspace import HOME_FORMAT, read_home_format

SAID = (
    f"has format {HOME_FORMAT + 1}, but this version reads up to format {HOME_FORMAT}. "
    "Nothing was changed. Update the checkout and run `make setup`."
)


@pytest.fixture
def mlops(tmp_path: Path) -> Iterator[CommandLine]:
    """The command line on a home of format 1; its services end with the test."""
    mlops = CommandLine(build_home(tmp_path))
    yield mlops
    if read_home_format(mlops.workspace.home) == HOME_FORMAT:
        mlops("stop")


def test_a_home_of_format_1_has_a_status_and_is_not_written_to(mlops: CommandLine) -> None:
    found = json.loads(mlops("status", "--json").stdout)
    assert (found["champion"]["name"], found["champion"]["version"], found["champion"]["tags"]["alpha"]) == (
        "diabetes",
        1,
        "0.4",
    )
    assert [(service["environment"], service["health"], service["tested"]) for service in found["services"]] == [
        ("qa", "stopped", "passed"),
        ("production", "stopped", "passed"),
    ]
    assert [(run["run_id"], run["outcome"]) for run in found["runs"]] == [(RUN, "promoted")]
    assert not (mlops.workspace.home / "format").exists()


@pytest.mark.slow
def test_work_goes_on_where_the_older_version_left_it(mlops: CommandLine) -> None:
    home, outputs = mlops.workspace.home, mlops.workspace.outputs
    evaluated = mlops("run", "retrain", "--only", "evaluate")
    assert evaluated.returncode == 0, evaluated.stderr
    assert list_runs(outputs)[0].step("train").source == RUN  # type: ignore[union-attr]
    rejected = mlops("run", "all", "-p", "train.alpha=1000")
    assert rejected.returncode == 0, rejected.stderr
    (judged,) = (run for run in list_runs(outputs) if run.outcome == "rejected")
    assert judged.result("champion_version") == 1
    found = json.loads(mlops("status", "--json").stdout)
    assert found["champion"]["version"] == 1
    keys = json.loads((home / "secrets" / "production-keys.json").read_text())
    assert keys["primary"] == "not-a-key-production-primary"
    assert [(service["health"], service["model_version"]) for service in found["services"]] == [("healthy", 1)] * 2
    assert (home / "format").read_text() == f"{HOME_FORMAT}\n"


def test_a_home_of_format_3_is_upgraded(tmp_path: Path) -> None:
    mlops = CommandLine(build_home(tmp_path, "format-3"))
    home, outputs = mlops.workspace.home, mlops.workspace.outputs
    before = mlops.invoke("status")
    assert "Champion:   diabetes version 1" in before.stdout
    assert read_home_format(home) == 3
    upgraded = mlops.invoke("upgrade")
    (backup,) = home.parent.glob("home.backup-*")
    assert upgraded.stdout.splitlines() == [
        f"outdated  MLOPS_HOME has format 3, but this version writes format {HOME_FORMAT}",
        "outdated  datasets/catalogue.json does not name the data set of 1 version",
        f"backup    {backup}",
        "upgraded  datasets/catalogue.json: recorded the data set of 1 version",
        f"upgraded  MLOPS_HOME: format 3 to {HOME_FORMAT}",
        f"To go back to the old version, stop the services and replace {home} with the backup.",
    ]
    (version,) = json.loads((home / "datasets" / "catalogue.json").read_text())["versions"]
    assert (version["dataset"], version["columns"][0], version["columns"][-1]) == ("diabetes", "AGE", "Y")
    assert mlops.invoke("status").stdout == before.stdout
    (run,) = list_runs(outputs)
    assert run.run_id in mlops.invoke("runs").stdout
    assert mlops.invoke("upgrade").stdout == f"{home} is up to date (format {HOME_FORMAT}): nothing to do\n"


@pytest.mark.slow
@pytest.mark.parametrize("upgraded", [True, False])
def test_the_champion_of_a_home_of_format_3_is_released(tmp_path: Path, upgraded: bool) -> None:
    mlops = CommandLine(build_home(tmp_path, "format-3"))
    try:
        if upgraded:
            assert mlops("upgrade").returncode == 0
        released = mlops("run", "release")
        assert released.returncode == 0, released.stderr
        assert list_runs(mlops.workspace.outputs)[0].outcome == "released"
        assert "(healthy, diabetes version 1)" in released.stdout
    finally:
        mlops("stop")


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        *(
            pytest.param(words, marks=pytest.mark.slow)
            for words in (("run", "build"), ("stop",), ("keys", "qa"), ("provision", "--delete", "--yes"), ("upgrade",))
        ),
    ],
    ids=" ".join,
)
def test_a_newer_home_is_refused_and_not_written_to(mlops: CommandLine, words: tuple[str, ...]) -> None:
    (mlops.workspace.home / "format").write_text(f"{HOME_FORMAT + 1}\n")
    before = hash_folder(mlops.workspace.home), hash_folder(mlops.workspace.outputs)
    ran = mlops(*words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == f"mlops: The home {mlops.workspace.home} {SAID}\n"
    assert (hash_folder(mlops.workspace.home), hash_folder(mlops.workspace.outputs)) == before


@pytest.mark.slow
def test_one_command_upgrades_the_home_of_an_older_mlflow(mlops: CommandLine) -> None:
    home = mlops.workspace.home
    age_database(home / "mlflow.db", "1b5f0d9ad7c1")
    for words in (("status",), ("run", "all")):
        ran = mlops(*words)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "was created by an older MLflow (schema 1b5f0d9ad7c1)" in ran.stderr
        assert "Run `mlops upgrade --platform local`, which makes a backup first." in ran.stderr
    ran = mlops("upgrade")
    assert (ran.returncode, ran.stderr) == (0, "")
    (backup,) = home.parent.glob("home.backup-*")
    assert [line.split(maxsplit=1)[0] for line in ran.stdout.splitlines()] == [
        *("outdated", "outdated", "backup", "upgraded", "upgraded", "upgraded"),
        "To",
    ]
    assert json.loads(mlops("status", "--json").stdout)["champion"]["version"] == 1
    assert mlops("upgrade").stdout == f"{home} is up to date (format {HOME_FORMAT}): nothing to do\n"
    shutil.rmtree(home)
    backup.rename(home)
    assert "was created by an older MLflow (schema 1b5f0d9ad7c1)" in mlops("status").stderr
    assert read_run(mlops.workspace.outputs / RUN).outcome == "promoted"
