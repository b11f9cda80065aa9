"""``python -m mlops.cli``: the command line in its own process, not in a fork of the warm kernels' parent process."""

from mlops.cli import run_program

if __name__ == "__main__":
    run_program()
