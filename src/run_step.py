"""The script that Azure Machine Learning starts for each step of a submitted run. It runs the code beside this file."""

import os
import sys
from pathlib import Path

SOURCES = str(Path(__file__).resolve().parent)

if __name__ == "__main__":
    # Kernels need this variable to find the sources.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [SOURCES, os.environ.get("PYTHONPATH")]))
    # This machine runs only one notebook, for which warm kernels save no time.
    os.environ.setdefault("MLOPS_WARM_KERNELS", "0")
    sys.path.insert(0, SOURCES)
    from mlops.cli import run_program

    sys.argv[1:1] = ["run-step"]
    run_program()
