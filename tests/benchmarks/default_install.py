"""A second environment as pip makes it by default: the packages that users of papermill install, in our versions."""

import re
import subprocess
from pathlib import Path

from benchmarks.processes import PROJECT

FOLDER = PROJECT / ".venv-default"
PACKAGES = "jupyterlab papermill nbval azureml-sdk scikit-learn pandas matplotlib scrapbook pytest".split()
PIN = re.compile(r"^([\w.-]+==[^ ;\\]+)( ;[^\\]*)?", re.MULTILINE)


class InstallError(Exception):
    """The environment could not be created; the message says why."""


def find_default_install() -> Path:
    """Return the environment's folder of programs. The environment is created again if the lock has changed.

    Raises
    ------
    InstallError
        If the environment cannot be created.
    """
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    constraints = "".join(f"{''.join(pin)}\n" for pin in PIN.findall(lock))
    ready = FOLDER / "constraints.txt"
    if not ready.is_file() or ready.read_text(encoding="utf-8") != constraints:
        print(f"installing {' '.join(PACKAGES)} into {FOLDER.name} ...", flush=True)
        _install(constraints)
        ready.write_text(constraints, encoding="utf-8")
    return FOLDER / "bin"


def _install(constraints: str) -> None:
    _run(["bash", ".ci/make-venv", FOLDER.name])
    wanted = FOLDER / "wanted.txt"
    wanted.write_text(constraints, encoding="utf-8")
    _run([FOLDER / "bin" / "python", "-m", "pip", "install", "--quiet", "-c", wanted, *PACKAGES])


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
