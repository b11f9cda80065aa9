"""The table of all commands. A command's module is imported when the command is used."""

import importlib
from collections import UserDict
from collections.abc import Iterator
from typing import NamedTuple

import click

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


class Entry(NamedTuple):
    """One command: its module in this package, its function, and its help text."""

    module: str
    function: str
    line: str


# The sections of `mlops --help`. Each section maps the names of its commands to entries.
SECTIONS = {
    "Run notebooks": {
        "run": Entry("runs", "run", "Run a pipeline: build, retrain, release, or all three."),
        "resume": Entry("runs", "resume", "Resume a run that failed, was interrupted or was killed."),
        "sweep": Entry("sweeps", "sweep", "Run a step once per combination of parameters."),
        "check-notebooks": Entry("notebooks", "check_notebooks", "Compare a run with the committed notebooks."),
        "profile": Entry("data", "profile", "Profile a data file for the data test."),
    },
    "Results": {
        "status": Entry("status", "status", "Show the champion, the services and the last runs."),
        "report": Entry("pages", "report", "Rewrite the index of all runs and print its path."),
        "ui": Entry("pages", "ui", "Serve MLflow's page of all trainings."),
    },
    "Services": {
        "keys": Entry("services", "keys", "Print or rotate the keys of a service."),
        "logs": Entry("services", "logs", "Print the log of a service."),
        "rollback": Entry("services", "rollback", "Serve the previous version again."),
        "data": Entry("data", "data", "Read or delete the rows that services collect."),
        "start": Entry("services", "start", "Start a service again."),
        "stop": Entry("services", "stop", "Stop the services."),
    },
    "Platform": {
        "provision": Entry("provision", "provision", "Set up the platform, or update it."),
        "publish": Entry("pipelines", "publish", "Publish the retraining pipeline."),
        "submit": Entry("pipelines", "submit", "Start the published pipeline."),
        "runs": Entry("pipelines", "runs_command", "Show the newest runs, or one run with its steps."),
        "cost": Entry("cost", "cost", "Estimate the monthly costs of the platform."),
    },
    "Upkeep": {
        "prune": Entry("upkeep", "prune", "Delete old runs, images and service folders."),
        "upgrade": Entry("upkeep", "upgrade", "Upgrade state that an older version wrote."),
        "kernels": Entry("kernels", "kernels", "Show or stop the warm kernels."),
    },
}
HIDDEN = {"run-step": Entry("steps", "run_step", "")}  # not in the help: only a platform starts it
COMMANDS = {name: entry for section in (*SECTIONS.values(), HIDDEN) for name, entry in section.items()}


class CommandTable(UserDict[str, click.Command]):
    """The commands by name. Looking up a command imports its module."""

    def __getitem__(self, name: str) -> click.Command:
        if name not in self.data:
            module = importlib.import_module(f"{__package__}.{COMMANDS[name].module}")
            self.data[name] = getattr(module, COMMANDS[name].function)
        return self.data[name]

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def format_table(formatter: click.HelpFormatter) -> None:
    """Write the list of commands, section by section."""
    width = max(map(len, COMMANDS))
    for title, section in SECTIONS.items():
        with formatter.section(title):
            formatter.write_dl([(name.ljust(width), entry.line) for name, entry in section.items()])
