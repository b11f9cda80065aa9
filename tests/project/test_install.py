"""`.ci/install` and the targets of the Makefile that call it: what is installed when, in parts of one lock."""

import fcntl
import os
import platform
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from packaging.requirements import Requirement

EXTRAS = ("lab", "azure", "dask", "runtimes", "test")
MAKE_VARIABLES = ("MAKEFLAGS", "MFLAGS", "PYTHON")
NEEDED = (".ci/install", ".ci/find-python", ".ci/uv.lock", "Makefile", "requirements.lock", "pyproject.toml")
# It stands for the interpreter and for uv: it writes down what it is called with, and fails or waits if it is told to.
STUB = """\
#!/bin/sh
echo "${0##*/} $*" >> calls
case "$*" in
  *require-hashes*packages*) [ ! -e slow ] || sleep 2; [ ! -e broken ] ;;
esac
"""
MAKE_VENV = """\
mkdir -p .venv/bin && cp stub .venv/bin/python && cp stub .venv/bin/uv
printf 'version = %s\\ncommand = /usr/bin/python3 -m venv %s/.venv\\n' "$(cat version)" "$PWD" > .venv/pyvenv.cfg
echo "make-venv" >> calls
"""


def read_pins(path: Path) -> dict[str, list[Requirement]]:
    """Return the requirements of a lock or list by name; a name may have one for each version of Python."""
    found: dict[str, list[Requirement]] = {}
    for line in path.read_text().splitlines():
        if line and line[0].isalnum():
            pin = Requirement(line.removesuffix("\\").strip())
            found.setdefault(pin.name, []).append(pin)
    return found


def list_versions(path: Path) -> set[str]:
    """Return "name==version" of every requirement."""
    return {f"{pin.name}{pin.specifier}" for pins in read_pins(path).values() for pin in pins}


def test_the_lists_have_the_versions_of_the_lock_and_all_of_its_packages(project: Path) -> None:
    lists = {name: list_versions(project / f".ci/packages/{name}.txt") for name in ("base", *EXTRAS)}
    assert set.union(*lists.values()) == list_versions(project / "requirements.lock")
    assert {path.stem for path in (project / ".ci/packages").iterdir()} == {*lists}


@pytest.mark.parametrize("version", ["3.11.9", "3.12.7"])
@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_every_list_installs_one_version_of_what_it_names(project: Path, version: str, system: str) -> None:
    told = {"python_version": version[:4], "python_full_version": version, "sys_platform": system}
    for path in (project / ".ci/packages").iterdir():
        for name, pins in read_pins(path).items():
            wanted = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(told)]
            assert len(wanted) <= 1, f"{path.name}: {name}"


def test_what_the_main_job_does_not_need_comes_with_the_targets_that_need_it(project: Path) -> None:
    base = read_pins(project / ".ci/packages/base.txt").keys()
    assert base >= {"papermill", "scikit-learn", "pandas", "matplotlib", "mlflow-skinny", "ipykernel", "hatchling"}
    assert not base & {"jupyterlab", "scrapbook", "azureml-sdk", "distributed", "pytest", "nbval", "mypy", "ruff"}
    for target, extras in {
        "run": "",
        "stop": "",
        "lab": "lab",
        "test": " ".join(EXTRAS),
        "test-azure": "azure test",
        "lint": "test",
        "nbval": "test",
        "notebooks": "test",
        "bench": "test",
    }.items():
        shown = subprocess.run(
            ["make", "--no-print-directory", "-n", "VENV=none", target],
            cwd=project,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert {*re.findall(r"\.ci/install (.*)", shown)[-1].split()} == {*extras.split()}, target


@pytest.mark.parametrize("name", ["project", "renamed", """it's (a) "new" #1 ü"""])
def test_the_environment_is_created_again_after_the_project_was_moved(checkout: Path, name: str) -> None:
    install(checkout)
    new = checkout.rename(checkout.with_name(name))
    assert install(new) == (["make-venv", "base"] if new != checkout else [])
    assert install(new) == []


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, ""),
        ({"HOME": "/dev/null"}, "1 1"),
        ({"HOME": "/dev/null", "XDG_CACHE_HOME": "cache"}, ""),
        ({"HOME": "/dev/null", "UV_CACHE_DIR": "cache"}, ""),
    ],
)
def test_packages_are_installed_without_a_cache_if_it_cannot_be_written(
    project: Path, tmp_path: Path, environ: dict[str, str], said: str
) -> None:
    """uv would fail, for example in a container whose user has no home folder."""
    unset = ("MAKEFLAGS", "MFLAGS", "UV_CACHE_DIR", "UV_NO_CACHE", "PIP_NO_CACHE_DIR", "XDG_CACHE_HOME")
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    found = {name: str(tmp_path / value) for name, value in environ.items()}  # "/dev/null" stays as it is
    show = "show: ; @echo $$UV_NO_CACHE $$PIP_NO_CACHE_DIR"
    shown = subprocess.run(
        ["make", "-s", f"--eval={show}", "show"],
        cwd=project,
        env={**inherited, "HOME": str(tmp_path), **found},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == said


def test_a_path_in_which_mlflow_does_not_work_is_refused(checkout: Path) -> None:
    """MLflow reads the path of its migrations from a configuration, in which a percent sign begins a variable."""
    said, _ = start(checkout.rename(checkout.with_name("100%41"))).communicate(timeout=60)
    assert re.search(r"make: The path \S*/100%41 contains %, but .*\. Rename the folder\.", said)


@pytest.mark.parametrize("path", ["/home/me{}", "{}-old", "/home/me{}-old"])
def test_the_whole_path_of_the_environment_is_compared(checkout: Path, path: str) -> None:
    """In a container, the path of a mounted folder may be the end of its path on the host."""
    install(checkout)
    config = checkout / ".venv/pyvenv.cfg"
    config.write_text(config.read_text().replace(f"{checkout}/.venv", path.format(f"{checkout}/.venv")))
    assert install(checkout) == ["make-venv", "base"]
    assert install(checkout) == []


def test_the_environment_is_created_again_if_python_names_another_version(checkout: Path) -> None:
    (checkout / "version").write_text("3.10.4")
    install(checkout)
    assert install(checkout) == []
    (checkout / "version").write_text(platform.python_version())
    assert install(checkout, python=sys.executable) == ["make-venv", "base"]
    assert install(checkout, python=sys.executable) == []


@pytest.mark.parametrize("version", ["3.10.13", "3.13.0"])
def test_another_version_is_refused_with_those_that_work(checkout: Path, version: str) -> None:
    """The stub answers as an interpreter of this version."""
    install(checkout)
    python = checkout / "python"
    python.write_text(f"#!/bin/sh\necho {version}\nexit 1\n")
    python.chmod(0o755)
    said, _ = start(checkout, f"PYTHON={python}").communicate(timeout=60)
    found = f"Found no Python 3.11 or 3.12. Tried: {python} ({version}). Add PYTHON=/path/to/python3.12 to the command."
    assert found in said
    assert (checkout / ".venv").exists()


def test_the_lock_works_on_a_network_file_system(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS locks exclusively only what is open for writing."""
    opened = []

    def lock(descriptor: int, operation: int) -> None:
        opened.append(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE)

    monkeypatch.setattr(fcntl, "flock", lock)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    with runpy.run_path(str(checkout / ".ci/install"))["hold_lock"]():
        assert opened == [os.O_RDWR]
    assert not (checkout / ".venv").exists()


@pytest.fixture
def checkout(project: Path, tmp_path: Path) -> Path:
    """A checkout with stubs for the interpreter and uv, which write down what they are called with."""
    folder = tmp_path.resolve() / "project"
    shutil.copytree(project / ".ci/packages", folder / ".ci/packages")
    for name in NEEDED:
        shutil.copy2(project / name, folder / name)
    (folder / ".ci/make-venv").write_text(MAKE_VENV)
    (folder / "stub").write_text(STUB)
    (folder / "version").write_text(platform.python_version())
    (folder / "stub").chmod(0o755)
    return folder


def start(checkout: Path, *words: str) -> "subprocess.Popen[str]":
    """Start `make setup` in a process group of its own, without the variables of a make that runs the tests."""
    return subprocess.Popen(
        ["make", "--no-print-directory", "setup", *words],
        cwd=checkout,
        env={name: value for name, value in os.environ.items() if name not in MAKE_VARIABLES},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def install(checkout: Path, *extras: str, python: str = "") -> list[str]:
    """Run `make setup` and return what was installed: "make-venv", and the names of the lists."""
    (checkout / "calls").write_text("")
    done = start(checkout, f"EXTRAS={' '.join(extras)}", *([f"PYTHON={python}"] if python else []))
    said, _ = done.communicate(timeout=60)
    assert done.returncode == 0, said
    return list_installed(checkout)


def list_installed(checkout: Path) -> list[str]:
    """Return what the stubs wrote down: "make-venv", and the names of the lists that uv installed."""
    calls = (checkout / "calls").read_text().splitlines()
    names = [" ".join(re.findall(r"\.ci/packages/(\w+)\.txt", call)) for call in calls]
    return [name or call for name, call in zip(names, calls, strict=True) if name or call == "make-venv"]


def test_an_extra_is_added_to_what_is_installed_and_nothing_is_installed_twice(checkout: Path) -> None:
    assert install(checkout) == ["make-venv", "base"]
    (call,) = (call for call in (checkout / "calls").read_text().splitlines() if "packages/base" in call)
    assert call.endswith(" --quiet --require-hashes -c requirements.lock --no-deps -r .ci/packages/base.txt")
    assert install(checkout) == []
    assert install(checkout, "azure") == ["azure"]
    assert install(checkout, *EXTRAS) == ["lab dask runtimes test"]
    assert install(checkout, *EXTRAS) == []


def test_one_call_installs_everything_in_an_empty_checkout(checkout: Path) -> None:
    assert install(checkout, *EXTRAS) == ["make-venv", "base lab azure dask runtimes test"]


def test_an_unknown_extra_is_refused_with_the_known_ones(checkout: Path) -> None:
    said, _ = start(checkout, "EXTRAS=azure tests").communicate(timeout=60)
    assert "EXTRAS: There is no extra 'tests'. Choose from: lab azure dask runtimes test." in said


@pytest.mark.parametrize("source", ["requirements.lock", "pyproject.toml", ".ci/uv.lock", ".ci/packages/base.txt"])
def test_a_new_lock_changes_everything_that_is_installed(checkout: Path, source: str) -> None:
    install(checkout, "azure")
    for number, path in enumerate([*(checkout / ".venv").glob(".ready*"), checkout / source]):
        os.utime(path, (time.time() + number - 60,) * 2)
    assert install(checkout) == ["base azure"]
    assert " pip sync " in (checkout / "calls").read_text()
    assert install(checkout, "azure") == []


def test_an_environment_of_the_older_makefile_keeps_everything(checkout: Path) -> None:
    install(checkout)
    (checkout / ".venv" / ".ready").write_text("")
    os.utime(checkout / ".venv" / ".ready", (time.time() - 60,) * 2)
    (checkout / "requirements.lock").touch()
    assert {*install(checkout)[0].split()} == {"base", *EXTRAS}


def test_an_installation_that_failed_or_was_killed_is_not_taken_for_complete(checkout: Path) -> None:
    (checkout / "broken").touch()
    failed = start(checkout, "EXTRAS=")
    said, _ = failed.communicate(timeout=60)
    assert failed.returncode
    assert "failed, so .venv is incomplete. Run make again." in said
    (checkout / "broken").unlink()
    assert install(checkout) == ["make-venv", "base"]

    (checkout / "slow").touch()
    (checkout / "calls").write_text("")
    killed = start(checkout, "EXTRAS=azure")
    while list_installed(checkout) != ["azure"]:
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)
    (checkout / "slow").unlink()
    assert install(checkout, "azure") == ["make-venv", "base azure"]


def test_of_two_at_once_one_waits_and_installs_only_what_the_other_did_not(checkout: Path) -> None:
    (checkout / "slow").touch()
    (checkout / "calls").write_text("")
    first, second = start(checkout, "EXTRAS=azure"), start(checkout, "EXTRAS=azure")
    said = [made.communicate(timeout=60)[0] for made in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert list_installed(checkout) == ["make-venv", "base azure"]
    assert sum("Another make is installing packages here. Waiting for it ..." in text for text in said) == 1
