"""``python -m mlops.cli``: the command line in a process of its own, never in a fork of the warm kernels' parent."""

from mlops.cli import run_program

if __name__ == "__main__":
    run_program()
