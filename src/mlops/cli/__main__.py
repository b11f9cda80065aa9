"""``python -m mlops.cli`` runs the command line in this process."""

from mlops.cli import run_program

if __name__ == "__main__":
    run_program()
