"""The program `mlops` as a user starts it, on the eight notebooks instead of the project's own."""

import benchmarks.pipeline  # noqa: F401 - for a command line that runs in this process
import mlops.__main__ as program


def main() -> None:
    """Run the program `mlops`."""
    program.ENTRY = "benchmarks.pipeline:main"
    program.main()
