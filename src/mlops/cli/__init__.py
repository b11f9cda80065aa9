"""The command line: options in, text out. docs/ci.md has the table of exit codes.

.. code-block:: text

    runs       run, resume
    sweeps     sweep
    pipelines  publish, submit, runs
    steps      run-step, which a platform starts for a submitted run
    provision  provision
    services   keys, logs, start, stop, rollback
    status     status
    upkeep     prune, upgrade
    cost       cost
    notebooks  check-notebooks
    pages      report, ui
    data       profile, data
    kernels    kernels
    commands   the table of all commands, each imported when it is used
    options    options that several commands share, and the types of their values
    streams    standard output and standard error, without secrets
    progress/  the progress of a run or a sweep in the terminal: help, summary, annotations for CI systems
"""

import logging
import signal
import sys
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError

from mlops.cli.commands import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, CommandTable, format_table
from mlops.cli.streams import RedactionFilter, claim_streams, describe_error, print_error, print_traceback
from mlops.errors import MlopsError, NotFoundError, RunInterrupted, UsageError
from mlops.platform.secret_variables import redact_error

RESUMABLE = ("run", "resume", "provision")  # the commands whose runs can be resumed


class Commands(click.Group):
    """The group of all commands. If a command raises an error, the group prints a message and sets the exit code."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options that precede the command."""
        try:
            return super().parse_args(ctx, args)
        except NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            _annotate(error.format_message())
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        format_table(formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:  # click prints the message
            _annotate(error.format_message())
            raise
        except (UsageError, NotFoundError) as error:
            print_error(error)
            _annotate(str(error))
            ctx.exit(EXIT_USAGE)
        except (MlopsError, OSError) as error:
            print_error(error)
            _annotate(describe_error(error))
            ctx.exit(EXIT_FAILED)
        except KeyboardInterrupt as error:
            click.echo(f"mlops: interrupted{_advise_resuming(ctx, error)}", err=True)
            ctx.exit(EXIT_INTERRUPTED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command. If the name of a pipeline was typed as a command, suggest `mlops run`."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            from mlops.cli.progress.help import OFFERED

            if args[0] in OFFERED:
                ctx.fail(f"No such command {args[0]!r}. Did you mean `mlops run {args[0]}`?")
            raise


def _annotate(error: str) -> None:
    from mlops.cli.progress.annotations import Annotation, print_annotations

    print_annotations([Annotation(redact_error(error))])


def _advise_resuming(ctx: click.Context, error: KeyboardInterrupt) -> str:
    if not isinstance(error, RunInterrupted):
        return ""
    problem = f". {error.problem.rstrip('.')}." if error.problem else ""
    if error.resumable and ctx.invoked_subcommand in RESUMABLE:
        return f"{problem or '.'} Resume the run with `mlops resume {error.run_id}`."
    return problem


def run_program() -> None:
    """Run the command line in this process, and print any error that no command handles."""
    claim_streams()
    try:
        main(prog_name="mlops")
    except OSError as error:  # raised while click itself prints, for example a help text to a full disk
        print_error(error)
        sys.exit(EXIT_FAILED)
    except Exception as error:  # noqa: BLE001, Python would print the error with the secrets in it
        print_traceback(error)
        sys.exit(EXIT_FAILED)


@click.group(
    cls=Commands,
    commands=CommandTable(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="notebook-mlops")
def main() -> None:
    """Run machine learning in production with parameterized notebooks.

    \b
    Exit codes:
      0    done, even if the new model was rejected because it is not better
      1    a step failed, a service failed its test, notebooks differ, or the
           platform, its state or a disk could not be used
      2    bad usage, and nothing has run: an unknown option, step or parameter,
           a value out of range, something that does not exist (a file, kernel,
           run, champion, service or published pipeline), or state that
           another version wrote
      130  interrupted

    \b
    Example:
      mlops run all
    """
    signal.signal(signal.SIGTERM, _interrupt)
    logger, once = logging.getLogger("mlops.kernels"), RepetitionFilter()
    logger.addFilter(once)
    click.get_current_context().call_on_close(lambda: logger.removeFilter(once))
    if logging.lastResort:
        logging.lastResort.addFilter(RedactionFilter())


class RepetitionFilter(logging.Filter):
    """A log filter that drops messages that were already logged."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a log message is new."""
        message = record.getMessage()
        new = message not in self._seen
        self._seen.add(message)
        return new


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
