"""Other environments as pip makes them by default, in our versions: that of a user of papermill, for example."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.processes import PROJECT

FOLDER = PROJECT / ".venv-default"
PACKAGES = "jupyterlab papermill nbval azureml-sdk scikit-learn pandas matplotlib scrapbook pytest".split()
PIN = re.compile(r"^([\w.-]+==[^ ;\\]+)( ;[^\\]*)?", re.MULTILINE)


class InstallError(Exception):
    """The environment could not be created; the message says why."""


def find_default_install() -> Path:
    """Return the folder of programs of an environment with what users of papermill install; see `find_install`."""
    return find_install(FOLDER, PACKAGES)


def find_install(folder: Path, packages: Sequence[str]) -> Path:
    """Return the folder of programs of an environment, which is created again if the packages or the lock have changed.

    Raises
    ------
    InstallError
        If the environment cannot be created.
    """
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    constraints = "".join(f"{''.join(pin)}\n" for pin in PIN.findall(lock))
    content = f"# {' '.join(packages)}\n{constraints}"
    ready = folder / "constraints.txt"
    if not ready.is_file() or ready.read_text(encoding="utf-8") != content:
        print(f"installing {' '.join(packages)} into {folder.name} ...", flush=True)
        _run(["bash", ".ci/make-venv", folder.name])
        wanted = folder / "wanted.txt"
        wanted.write_text(content, encoding="utf-8")
        _run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "-c", wanted, *packages])
        ready.write_text(content, encoding="utf-8")
    return folder / "bin"


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
