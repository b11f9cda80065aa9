"""The installation of packages with uv, from its cache if possible."""

import shutil
import subprocess
import sys
from pathlib import Path

LINES = 12


def find_uv() -> str:
    """Return the path of uv, which `make` installs beside this interpreter; "" if it is not installed."""
    beside = Path(sys.prefix, "bin", "uv")
    return str(beside) if beside.is_file() else shutil.which("uv") or ""


def install_packages(python: Path, requirements: Path) -> str:
    """Install those packages in `requirements` that an environment lacks, and check their hashes.

    Returns
    -------
    str
        The reason why the installation failed; "" if the environment has all packages.
    """
    uv = find_uv()
    if not uv:
        return "uv is not installed"
    command = [uv, "pip", "sync", "--python", str(python), "--require-hashes", "--compile-bytecode", "--no-progress"]
    said = ""
    for options in (["--offline"], []):
        ran = subprocess.run([*command, *options, str(requirements)], capture_output=True, text=True, check=False)
        if ran.returncode == 0:
            return ""
        said = " ".join(" ".join(ran.stderr.splitlines()[-LINES:]).split())
    return f"uv said: {said}"
