"""The modules that a command imports, as Python itself reports them."""

import subprocess
import sys
from collections.abc import Mapping

from command_line import MLOPS
from sandbox import SANDBOX

# Packages whose import takes from 0.1 s (IPython) to 1.5 s (MLflow). Commands that only read do not need them.
SLOW = frozenset(
    "IPython azureml azure dask distributed matplotlib mlflow nbclient nbconvert nbformat numpy pandas papermill "
    "polars pyarrow scipy sklearn skops sqlalchemy".split()
)


def list_imported(environ: Mapping[str, str], *words: str) -> set[str]:
    """Return the packages that a command imports in a process of its own, without a parent of warm kernels."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", MLOPS, *words],
        cwd=SANDBOX,
        env={**environ, "MLOPS_WARM_KERNELS": "0"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    rows = [line.split("|") for line in ran.stderr.splitlines() if line.startswith("import time:")]
    found = {row[-1].strip().partition(".")[0] for row in rows}
    assert "mlops" in found, ran.stderr
    return found
