"""``python -m mlops.cli`` runs the command line in a new process. The command `mlops` may run in a forked one."""

from mlops.cli import run_program

if __name__ == "__main__":
    run_program()
