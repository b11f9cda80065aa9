"""The script that Azure Machine Learning starts for a step of a submitted run, where the sources are not installed."""

import os
import sys
from pathlib import Path

SOURCES = str(Path(__file__).resolve().parent)

if __name__ == "__main__":
    # Kernels need this variable to find the sources.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [SOURCES, os.environ.get("PYTHONPATH")]))
    # Warm kernels save no time on a machine that runs only one notebook.
    os.environ.setdefault("MLOPS_WARM_KERNELS", "0")
    sys.path.insert(0, SOURCES)
    from mlops.cli import run_program

    sys.argv[1:1] = ["run-step"]
    run_program()
