"""The command line: its messages and exit codes."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mlops.errors import RunInterrupted
from mlops.kernels.parent_client import connect, find_key, start_parent
from mlops.record.ledger import FORMAT


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "everything"], "'everything' is not one of 'build', 'retrain', 'release', 'all'"),
        (["run", "al"], "'al' is not one of 'build', 'retrain', 'release', 'all'. Did you mean 'all'?"),
        (["retrain"], "No such command 'retrain'. Did you mean `mlops run retrain`?"),
        (["keys", "prod"], "Did you mean 'production'?"),
        (["rollback", "--environment", "prod"], "Did you mean 'production'?"),
        (["run", "build", "--platform", "locl"], "There is no platform 'locl'. Did you mean 'local'?"),
        (["submit", "retrain", "-p", "data_file=x"], "has no such parameter. Did you mean 'data_file_path'?"),
        (
            ["sweep", "trian", "-p", "alpha=1"],
            "there is no such step. Did you mean 'train'? Steps to sweep: test_data,",
        ),
        (["run", "build", "--platform", "moon"], "There is no platform 'moon'. Choose one of: azure, local"),
        (
            ["run", "build", "-p", "train.alpa=1"],
            "-p train.alpa: notebooks/02_train.ipynb has no parameter 'alpa'. Did you mean",
        ),
        (
            ["run", "build", "-p", "trian.alpha=1"],
            "there is no step 'trian'. Did you mean train.alpha? Steps: test_data, train, evaluate, register, create_i",
        ),
        (["run", "build", "-p", "alpha=1"], "-p alpha does not name a step. Did you mean train.alpha?"),
        (["run", "build", "-p", "aplha=1"], "-p aplha does not name a step. Did you mean train.alpha?"),
        (["run", "build", "-p", "min_rows=9"], "Did you mean test_data.min_rows or evaluate.min_rows?"),
        (["run", "build", "-p", "x=1"], "-p x does not name a step. `mlops run --help` lists the steps"),
        (["sweep", "train"], "List the values to try: `-p alpha=0.04,0.4,4`."),
        (
            ["run", "build", "-p", "train.alpha=-1"],
            "-p train.alpha is '-1', but it must be a number in [0, 1000000]",
        ),
        (["run", "build", "-p", "train.seed=1.5"], "-p train.seed is '1.5', but it must be a whole number in"),
        (
            ["run", "build", "-p", "test_service.latency_requests=many"],
            "'many', but it must be a whole number in [10, 100000]",
        ),
        (
            ["run", "build", "-p", "alpha"],
            "-p alpha is not of the form step.name=value. `mlops run --help` lists the steps and their parameters.",
        ),
        (["run", "build", "-p", "train.platform=x"], "the runner sets 'platform' itself"),
        (["run", "build", "--only", "deploy_qa"], "there is no such step in build. Its steps: test_data."),
        (["run", "retrain", "--only", "train"], "needs the results of test_data, but no run has them"),
        (["run", "build", "-p", "test_data.data_path=https://u:pw@host/x.csv"], "the URL contains a password"),
        (
            ["run", "retrain", "-p", "register.model_name=x"],
            "all notebooks must use the same value. Set shared.model_name instead.",
        ),
        (["run", "retrain", "-p", "shared.model_name=a'b"], "it must be text matching (|[A-Za-z0-9]+([_-]+["),
        (
            ["run", "build", "-p", "test_data.data_path=none.csv"],
            "test_data.data_path is 'none.csv', but there is no such",
        ),
        (
            ["run", "all", "-p", "test_data.data_path=xyz://host/x.csv"],
            "but xyz:// is not supported. Use a path, or a URL",
        ),
        (["submit", "retrain", "--model-file", "model.json"], "--model-file and --download need a finished run"),
        (["submit", "retrain", "--download", "reports"], "--model-file and --download need a finished run"),
        (["runs", "monday", "--log", "train", "--download", "reports"], "--log and --download cannot be combined."),
        (["runs", "monday", "--download", "reports", "--json"], "--download and --json cannot be combined."),
        (["runs", "monday", "--log", "train", "--cancel"], "--log and --cancel cannot be combined."),
        (["runs", "monday", "--download", "reports", "--cancel"], "--download and --cancel cannot be combined."),
        (["run", "all", "-p", "evaluate.promote_always=true"], "Add --reason TEXT"),
        (["run", "all", "--reason", "ticket 42"], "the gate is not overruled. Remove --reason, or add -p evaluate"),
        (["rnu", "all"], "No such command 'rnu'. Did you mean 'run'?"),
        (["run", "all", "--onyl", "train"], "(Did you mean one of: '--json', '--only'?)"),
        (
            ["run", "retrain", "--only", "evaluate", "-p", "train.alpha=3"],
            "-p train.alpha would have no effect, because --only evaluate does not run train. "
            "To use it, run `mlops run retrain -p train.alpha=3`.",
        ),
        (["run", "all", "--only", "train", "--take-over"], "--take-over: The step train does not deploy anything."),
        (["run", "retrain", "--from", "monday"], "--from monday is valid only with --only. Add --only STEP."),
        (["run", "build", "--scheduler", "x"], "--scheduler x is not the address of a Dask scheduler"),
        (
            ["run", "build", "-p", "test_data.scheduler=x"],
            "test_data.scheduler x is not the address of a",
        ),
        (["run", "release", "--scheduler", "tcp://x:1"], "The pipeline release does not test a data file"),
        (["profile", "x.csv", "--scheduler", "x"], "--scheduler x is not the address of a Dask scheduler"),
        (["run", "retrain", "--only", "train", "--from", "monday"], "--from monday: There is no such run in"),
        (["run", "all", "--only", "trian"], "there is no such step in all. Did you mean 'train'?"),
        (["keys", "staging"], "'staging' is not one of 'qa', 'production'"),
        (["stop", "QA"], "'QA' is not one of 'qa', 'production'. Did you mean 'qa'?"),
        (["stop", "qa", "prod"], "'prod' is not one of 'qa', 'production'. Did you mean 'production'?"),
        (["stop", "--service", "qa"], "No such option '--service'. Did you mean `mlops stop qa`?"),
        (["start", "--environment=prod"], "No such option '--environment'. Did you mean `mlops start production`?"),
        (["start", "qa", "production"], "Got unexpected extra argument (production). Name one service at a time."),
        (["logs", "qa", "--follow"], "Got unexpected extra argument (qa). Did you mean `--service qa`?"),
        (["rollback", "prod"], "Got unexpected extra argument (prod). Did you mean `--environment production`?"),
        (["data", "collected", "QA"], "Got unexpected extra argument (QA). Did you mean `--environment qa`?"),
        (["logs", "everything"], "Got unexpected extra argument (everything)\n"),
    ],
)
def test_bad_usage_says_what_is_wrong_and_runs_nothing(mlops: Any, words: list[str], said: str) -> None:
    ran = mlops.invoke(*words)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert not mlops.workspace.outputs.exists()


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("URL", "some/folder", "mlops: MLOPS_LOCAL_COLLECT_URL is 'some/folder'. Write an absolute path, or a URL"),
        ("HASHED", "AGE", "Set the environment variable MLOPS_SECRET_COLLECTION_KEY"),
    ],
)
def test_wrong_settings_of_the_collection_are_refused_before_anything_runs(
    mlops: Any, setting: str, value: str, said: str
) -> None:
    ran = mlops.invoke("run", "all", **{f"MLOPS_LOCAL_COLLECT_{setting}": value})
    assert (ran.returncode, mlops.workspace.outputs.exists()) == (2, False)
    assert said in ran.stderr


@pytest.mark.parametrize("words", [["run", "everything"], ["run", "build", "-p", "train.alpa=1"]])
def test_bad_usage_ends_the_program(mlops: Any, words: list[str]) -> None:
    """The message and the exit code are the same in this process, whether click or the engine refuses the command."""
    ran, invoked = mlops(*words, MLOPS_WARM_KERNELS="0"), mlops.invoke(*words)
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", invoked.stderr)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--nothing"], "::error::No such option '--nothing'."),
        (
            ["run", "al"],
            "::error::Invalid value for '{build|retrain|release|all}': 'al' is not one of 'build', 'retrain'",
        ),
        (["provision", "-p", "data_path=gone.csv"], "::error::test_data.data_path is 'gone.csv', but there is no such"),
    ],
    ids=["option", "value", "file"],
)
def test_a_mistake_of_usage_is_annotated_and_comes_before_anything_else(
    mlops: Any, words: list[str], said: str
) -> None:
    ran = mlops.invoke(*words, GITHUB_ACTIONS="true")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert sum(line.startswith(said) for line in ran.stderr.splitlines()) == 1


def test_an_empty_state_has_a_status(make_mlops: Any) -> None:
    mlops = make_mlops()
    nothing = {
        "champion": None,
        "outdated": "",
        "misfit": "",
        "services": [],
        "rollbacks": [],
        "runs": [],
        "problems": [],
    }
    assert json.loads(mlops.invoke("status", "--json").stdout) == {"format": 1, **nothing}
    assert mlops.invoke("status").stdout == "Champion:   none yet\nServices:   none yet\n"
    assert mlops.invoke("stop").stdout == "qa: was not running\nproduction: was not running\n"


def test_a_log_is_printed_for_people_or_as_json(make_mlops: Any) -> None:
    mlops = make_mlops()
    refused = mlops.invoke("logs", "--environment", "qa")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "The service in qa has no log, because it was never started." in refused.stderr
    folder = mlops.workspace.home / "services" / "production" / "2026-11-27T120000Z"
    folder.mkdir(parents=True)
    line = {"time": "2026-11-27T12:00:00.000Z", "level": "error", "message": "It failed.", "worker": 1}
    (folder / "service.log").write_text(f"started\n{json.dumps(line)}\nprinted by a script\n")
    assert mlops.invoke("logs", "--lines", "2").stdout == (
        "2026-11-27T12:00:00.000Z  error  worker 1  It failed.\nprinted by a script\n"
    )
    found = mlops.invoke("logs", "--lines", "2", "--json").stdout.splitlines()
    assert [json.loads(one) for one in found] == [line, {"message": "printed by a script"}]


@pytest.mark.slow
def test_a_log_is_followed_until_ctrl_c(make_mlops: Any) -> None:
    mlops = make_mlops()
    folder = mlops.workspace.home / "services" / "production"
    (folder / "2026-11-27T120000Z").mkdir(parents=True)
    log = folder / "2026-11-27T120000Z" / "service.log"
    log.write_text("first\nsecond\n")
    with mlops.start("logs", "--follow", "--lines", "1") as process, ExitStack() as stack:
        stack.callback(process.kill)
        assert process.stdout.readline() == "second\n"
        with log.open("a") as file:
            file.write("third\n")
        assert process.stdout.readline() == "third\n"
        (folder / "2026-11-27T130000Z").mkdir()
        (folder / "2026-11-27T130000Z" / "service.log").write_text("of the next service\n")
        assert process.stdout.readline() == "of the next service\n"
        process.send_signal(signal.SIGINT)
        assert (process.wait(30), process.stdout.read()) == (0, "")


def test_a_service_that_was_never_deployed_cannot_be_started(make_mlops: Any) -> None:
    refused = make_mlops().invoke("start", "qa")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "No image was deployed in qa. Run `mlops run release`." in refused.stderr


def test_a_run_of_a_newer_version_is_shown_as_what_it_is(make_mlops: Any) -> None:
    mlops = make_mlops()
    folder = mlops.workspace.outputs / "20261122-190758-all-3f9a51c2"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(f'{{"format": {FORMAT + 1}}}')
    said = f"written by a newer version in format {FORMAT + 1}; this version reads up to format {FORMAT}"
    assert mlops.invoke("status").stdout.splitlines()[-1].split(maxsplit=1) == [folder.name, said]
    ran = mlops.invoke("resume", folder.name)
    assert ran.returncode == 2
    assert f"has format {FORMAT + 1}, but this version reads up to format {FORMAT}" in ran.stderr
    page = Path(mlops.invoke("report").stdout.strip()).read_text()
    assert said in page


def test_there_is_nothing_to_roll_back_to_at_first(make_mlops: Any) -> None:
    mlops = make_mlops()
    ran = mlops.invoke("rollback")
    assert ran.returncode == 2
    assert not mlops.workspace.outputs.exists()
    assert ran.stderr == (
        "mlops: production has no earlier image that passed its test, so there is nothing to roll back to. Train and "
        "release another model with `mlops run all`.\n"
    )


def test_release_without_a_champion_says_what_to_run(make_mlops: Any) -> None:
    mlops = make_mlops()
    ran = mlops.invoke("run", "release")
    assert (ran.returncode, ran.stderr) == (
        2,
        "mlops: The model 'diabetes' has no champion yet. Run `mlops run retrain` first.\n",
    )
    assert not mlops.workspace.outputs.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["submit", "retrain"], "No pipeline is published here. Run `mlops publish`."),
        (["submit", "retrain", "-p", "dataset_version=9"], "The data set has no version '9' in"),
        (["runs", "monday"], "Run monday was not submitted here."),
        (["runs", "monday", "--log", "train"], "Run monday was not submitted here."),
        (["keys", "qa", "--rotate"], "qa has no service, so there are no keys."),
    ],
)
def test_what_does_not_exist_is_a_mistake_of_usage(make_mlops: Any, words: list[str], said: str) -> None:
    mlops = make_mlops()
    ran = mlops.invoke(*words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert not mlops.workspace.outputs.exists()
    assert not (mlops.workspace.home / "secrets").exists()


@pytest.mark.parametrize("words", [["submit", "retrain", "--wait"], ["runs", "monday"]])
@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("pyproject.toml", "'{}' is a file. Name a folder."),
        ("pyproject.toml/x", "'{}' cannot be written, because {}/pyproject.toml is a file. Choose another path."),
    ],
)
def test_a_folder_that_cannot_be_written_is_refused_first(
    make_mlops: Any, project: Path, words: list[str], folder: str, said: str
) -> None:
    """A run of hours would be over before its files could not be copied."""
    ran = make_mlops().invoke(*words, "--download", str(project / folder))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said.format(project / folder, project) in ran.stderr


def test_there_are_no_keys_where_nothing_serves(mlops: Any) -> None:
    ran = mlops.invoke("keys", "qa")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "mlops: qa has no service, so there are no keys. Release a model with `mlops run release`.\n"
    assert not (mlops.workspace.home / "secrets").exists()


def test_outputs_that_cannot_be_written_are_named(mlops: Any, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    ran = mlops.invoke("run", "build", MLOPS_OUTPUTS=str(file))
    said = f"mlops: MLOPS_OUTPUTS is '{file}', but {file} is a file. Set MLOPS_OUTPUTS to a folder.\n"
    assert (ran.returncode, ran.stderr) == (2, said)


def test_a_reference_of_the_users_own_is_taken(make_mlops: Any) -> None:
    mlops = make_mlops()
    reference = mlops.workspace.project / "src" / "progression" / "reference_profile.json"
    ran = mlops.invoke("run", "build", "-p", f"test_data.reference_path={reference}")
    assert ran.returncode == 0, ran.stderr


def test_json_is_all_that_a_script_gets(make_mlops: Any) -> None:
    mlops = make_mlops()
    ran = mlops("run", "build", "--json")
    record = json.loads(ran.stdout)
    assert (ran.returncode, record["pipeline"], record["state"], record["outcome"]) == (0, "build", "succeeded", "done")
    assert record["steps"][0]["results"]["rows"] == 442
    assert (mlops.workspace.outputs / record["run_id"] / record["steps"][0]["report"]).is_file()


def test_the_index_is_written_anew(make_mlops: Any) -> None:
    mlops = make_mlops()
    page = Path(mlops.invoke("report").stdout.strip())
    assert page == mlops.workspace.outputs / "index.html"
    assert "No runs yet." in page.read_text()


def test_a_profile_of_good_data_is_a_reference(mlops: Any, tmp_path: Path) -> None:
    from progression import problem

    problem.load_sample().to_csv(tmp_path / "good.csv", index=False)
    ran = mlops.invoke("profile", str(tmp_path / "good.csv"))
    assert ran.stdout == (mlops.workspace.project / "src/progression/reference_profile.json").read_text()
    assert mlops.invoke("profile", str(tmp_path / "none.csv")).returncode == 2


def test_it_works_from_any_folder_of_the_project(mlops: Any) -> None:
    command = [mlops("--version").args[0], "status", "--json"]
    ran = subprocess.run(
        command, cwd=mlops.workspace.notebooks, env=mlops.environ, capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout)["champion"] is None


def test_warm_kernels_are_shown_and_ended(mlops: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a parent of its own for this test, which imports little, so that the parent of the next tests stays alive."""
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters" / "base.yml").write_text("kernels: {preload: []}\n")
    with tempfile.TemporaryDirectory(prefix="mlops-") as short:  # a long path would not be used
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        key = find_key(os.environ, str(tmp_path))
        assert key is not None
        start_parent(key)
        while not connect(key, start=False):
            time.sleep(0.05)
        (parent,) = json.loads(mlops.invoke("kernels", "--json").stdout)["parents"]
        assert (parent["ready"], parent["forks"]) == (True, [])
        assert parent["memory"] > 10_000_000
        shown = mlops.invoke("kernels").stdout
        assert re.match(rf"ready +process {parent['pid']} +\d+ MB .* 0 forks +{sys.executable}", shown)
        assert mlops("kernels", "--stop").stdout.startswith("stopped")
        assert (
            mlops.invoke("kernels").stdout
            == "No parent process of warm kernels is running. The next notebook starts one.\n"
        )


@pytest.mark.slow
def test_that_kernels_cannot_be_warm_is_said_once(mlops: Any) -> None:
    with tempfile.TemporaryDirectory(prefix="mlops-") as short:
        folder = Path(short, f"mlops-kernels-{os.getuid()}")
        folder.mkdir()
        folder.chmod(0o755)
        ran = mlops("run", "retrain", "--force", XDG_RUNTIME_DIR=short)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("Starting a fresh kernel instead of a warm one. ") == 1
    assert f"{folder} is not a private folder of this user. Delete it and try again." in ran.stderr


def test_what_runs_notebooks_is_loaded_only_by_commands_that_do() -> None:
    """Otherwise every command would wait for these imports."""
    heavy = ("papermill", "nbconvert", "nbformat", "mlflow", "pandas", "mlops.runner", "mlops.execution")
    script = f"import sys, mlops.cli; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_run_of_unchanged_steps_loads_nothing_that_executes_or_reports_notebooks() -> None:
    heavy = ("papermill", "nbconvert", "pyarrow", "mlops.execution.notebook", "mlops.portal.report", "mlops.sweeps")
    modules = "mlops.cli.runs, mlops.operations.running, mlops.operations.surroundings, mlops.backends.local"
    script = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(("resumable", "advice"), [(True, " Resume the run with `mlops resume monday`."), (False, "")])
def test_after_an_interrupt_it_says_what_may_serve_and_how_to_resume(
    mlops: Any, monkeypatch: pytest.MonkeyPatch, resumable: bool, advice: str
) -> None:
    def interrupt(*request: object) -> None:
        raise RunInterrupted("monday", "production may still serve tiny version 2. Azure did not answer.", resumable)

    monkeypatch.setattr("mlops.operations.running.start_run", interrupt)
    ran = mlops.invoke("run", "build")
    assert ran.returncode == 130
    assert ran.stderr == (
        f"mlops: interrupted. production may still serve tiny version 2. Azure did not answer.{advice}\n"
    )


def test_a_table_with_text_has_a_profile_and_a_proposal(mlops: Any, tmp_path: Path) -> None:
    path = tmp_path / "good.csv"
    path.write_text("customer_id,plan,left\n" + "".join(f"C{row},{'ab'[row % 2]},{row % 2}\n" for row in range(9)))
    profile = json.loads(mlops.invoke("profile", str(path)).stdout)
    assert profile["customer_id"] == {"kind": "id", "count": 9, "nulls": 0, "values": {}, "other": 9, "bins": []}
    assert profile["plan"]["values"] == {"a": 5, "b": 4}
    printed = mlops.invoke("profile", str(path), "--propose").stdout
    assert '    Column("left", kind="boolean", role="target", min_share=0.22),\n)\n' in printed
    for options in (["--target", "left"], ["--propose", "--scheduler", "tcp://host:8786"]):
        assert mlops.invoke("profile", str(path), *options).returncode == 2
