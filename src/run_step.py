"""The script that Azure Machine Learning starts for a step of a submitted run: the command line, not installed."""

import os
import sys
from pathlib import Path

SOURCES = str(Path(__file__).resolve().parent)

if __name__ == "__main__":
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [SOURCES, os.environ.get("PYTHONPATH")]))  # for kernels
    os.environ.setdefault("MLOPS_WARM_KERNELS", "0")  # for one notebook there is nothing to keep warm
    sys.path.insert(0, SOURCES)
    from mlops.cli import run_program

    sys.argv[1:1] = ["run-step"]
    run_program()
