"""Options, the types of their values, and functions that several commands share."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from mlops.backends import list_platforms
from mlops.cli.streams import reserve_output
from mlops.operations.opening import OpenProject, open_project
from mlops.parameters.overrides import Override
from mlops.parameters.project import Project
from mlops.parameters.suggestion import find_closest
from mlops.platform.services import ENVIRONMENTS
from mlops.platform.submission import NOTHING, Submission
from mlops.workspace import find_workspace

COMMAND = (sys.executable, "-m", "mlops.cli")  # not `mlops`, which may run the command in a forked process
NAMING = ("--service", "--environment")  # the options that name a service
TABLES = (".parquet", ".csv")  # the endings of the names of tables
Command = TypeVar("Command", bound=Callable[..., object])

platform_option = click.option(
    "--platform", default="", metavar="NAME", help=f"One of: {', '.join(list_platforms())}. [default: as in base.yml]"
)
jobs_option = click.option(
    "--jobs", type=click.IntRange(1), help="Maximum number of notebooks that run in parallel. [default: one per core]"
)
scheduler_option = click.option(
    "--scheduler", default="", metavar="ADDRESS", help="Use this Dask cluster to read the data: tcp://host:port."
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print only errors and one line with the result.")
json_option = click.option("--json", "as_json", is_flag=True, callback=reserve_output, help="Print JSON, for scripts.")


class Choice(click.Choice[str]):
    """An option type for one of several values. If a value is mistyped, the message suggests the closest one."""

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        """Return the message about a value that is not one of the choices."""
        close = find_closest(str(value).lower(), self.choices)
        hint = f" Did you mean {close!r}?" if close else ""
        return super().get_invalid_choice_message(value, ctx) + hint

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """Return the message about a missing value, on one line."""
        return f"Choose one of: {', '.join(self.choices)}."


class ServiceCommand(click.Command):
    """A command whose parameter `environment` names a service: an argument, or an option.

    If the user writes an option instead of the argument or the other way round, the message says what to write.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments and options of the command."""
        words = [word.rpartition("=")[2] for word in args]
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            named = next((found for word in words if (found := find_closest(word.lower(), ENVIRONMENTS))), "")
            hint = self._suggest(error, named)
            if not hint:
                raise
            raise click.UsageError(error.format_message() + hint, error.ctx) from error

    def _suggest(self, error: click.UsageError, named: str) -> str:
        expected = next(parameter for parameter in self.params if parameter.name == "environment")
        is_option = isinstance(expected, click.Option)
        if isinstance(error, click.NoSuchOption) and error.option_name in NAMING and named and not is_option:
            return f" Did you mean `mlops {self.name} {named}`?"
        if not error.message.startswith("Got unexpected extra argument"):
            return ""
        if not is_option:
            return ". Name one service at a time."
        return f". Did you mean `{expected.opts[0]} {named}`?" if named else ""


class Moment(click.ParamType[datetime]):
    """An option type for a day or a time, in UTC by default. A day means its start or, if `ends` is true, its end."""

    name = "moment"

    def __init__(self, *, ends: bool = False) -> None:
        self._ends = ends

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Convert the typed text to a time."""
        text = str(value)
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"{text!r} is not a time. Write a day or a time in UTC: 2026-11-27, 2026-11-27T18:30.", param, ctx
            )
        moment = found if found.tzinfo else found.replace(tzinfo=UTC)
        return moment + timedelta(days=1) if self._ends and _is_day(text) else moment


class Filled(click.ParamType[str]):
    """An option type for a text that is not empty. It is empty if the user names a shell variable that is not set."""

    name = "text"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text."""
        if not str(value).strip():
            self.fail("The value is empty. Write a value, or leave out the option.", param, ctx)
        return str(value)


class OutputPath(click.Path):
    """An option type for the path of a file or folder to write. A path that cannot be written is refused at once.

    Parameters
    ----------
    folder : bool
        True for the path of a folder, False for the path of a file.
    """

    def __init__(self, *, folder: bool = False) -> None:
        super().__init__(path_type=Path)
        self._folder = folder

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path. A folder that does not exist yet is accepted."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if self._folder and path.is_file():
            self.fail(f"{str(path)!r} is a file. Name a folder.", param, ctx)
        if not self._folder and path.is_dir():
            self.fail(f"{str(path)!r} is a folder. Name a file.", param, ctx)
        written = [path.absolute()] if self._folder else []
        folder = next(found for found in (*written, *path.absolute().parents) if found.exists())
        if not folder.is_dir():
            said = f"{str(path)!r} cannot be written, because {folder} is a file. Choose another path."
            self.fail(said, param, ctx)
        if not os.access(folder, os.W_OK | os.X_OK):
            self.fail(f"{str(path)!r} cannot be written (Permission denied). Choose another path.", param, ctx)
        return path


class TablePath(OutputPath):
    """An option type for the path of a table to write. The ending of the file's name determines the format."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        path = super().convert(value, param, ctx)
        if path.suffix not in TABLES:
            self.fail(
                f"{str(path)!r} has no known format. Write a name that ends with {' or '.join(TABLES)}.", param, ctx
            )
        return path


def submission_options(command: Command) -> Command:
    """Add an option for each field of `Submission` to a command, and return the command."""
    for parameter in reversed(fields(Submission)):
        name, help_text = f"--{parameter.name.replace('_', '-')}", parameter.metadata["help"]
        command = click.option(name, default=parameter.default or NOTHING, show_default=True, help=help_text)(command)
    return command


def open_platform(platform: str, overrides: Iterable[Override] = ()) -> OpenProject:
    """Open the project of the current folder on a platform."""
    return open_loaded(Project.load(find_workspace()), platform, tuple(overrides))


def open_loaded(project: Project, platform: str, overrides: Sequence[Override] = ()) -> OpenProject:
    """Open a loaded project on a platform."""
    return open_project(project, overrides, platform, COMMAND)


def shorten_path(path: Path) -> str:
    """Return a path as the user would type it in the current folder."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def name_program() -> str:
    """Return the name by which the user can call this program in the current folder: "mlops" or ".venv/bin/mlops"."""
    path = Path(sys.argv[0])
    if path.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m mlops"
    found = shutil.which(path.name)
    if found and path.exists() and path.samefile(found):
        return path.name
    shown = shorten_path(path)
    return shlex.quote(shown if "/" in shown else f"./{shown}")


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
