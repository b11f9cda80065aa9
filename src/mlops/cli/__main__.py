"""``python -m mlops.cli`` runs the command line in this process. The program `mlops` may run it in a fork instead."""

from mlops.cli import run_program

if __name__ == "__main__":
    run_program()
