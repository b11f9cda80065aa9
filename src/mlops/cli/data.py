"""Commands that work on data files and on the rows that services collect."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops.cli.options import (
    Choice,
    Filled,
    Moment,
    OutputPath,
    ServiceCommand,
    TablePath,
    json_option,
    open_platform,
    platform_option,
    scheduler_option,
)
from mlops.cli.streams import print_json
from mlops.errors import ModelNotFoundError
from mlops.platform.services import ENVIRONMENTS
from mlops.workspace import find_workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from mlops.catalog.forgetting import Forgotten, Trace
    from mlops.operations.opening import OpenProject
    from mlops.platform.datasets import CollectedPlace, Collections
    from mlops.problem import Column, Problem

MOST_VERSIONS = 10  # versions that a message names


@click.command()
@click.argument("data_file")
@click.option(
    "--output",
    type=OutputPath(),
    help="Write to this file instead of printing.",
)
@scheduler_option
@click.option("--propose", is_flag=True, help="Propose a declaration of the columns instead of writing a profile.")
@click.option("--target", default="", metavar="NAME", help="With --propose: the column to predict. [default: the last]")
def profile(data_file: str, output: Path | None, scheduler: str, propose: bool, target: str) -> None:
    """Write a profile of a data file. The data test compares new data with this profile.

    DATA_FILE is a CSV or Parquet file, or a folder of Parquet files. Columns are read as the kinds that the problem
    declares. The kinds of other columns are inferred. With --scheduler, the workers of a Dask cluster read the files
    of a folder in parallel. Each worker must find the files at the same path or URL. The profile is the same as
    without a cluster.

    With --propose, print a declaration to paste into the package of a problem: kinds, roles, ranges, allowed values
    and shares of missing values. Check every line, because the proposal is based only on the values in the file.

    \b
    Examples:
      mlops profile good.csv --output src/churn/reference_profile.json
      mlops profile good.csv --propose --target churned
      mlops profile /shared/data --scheduler tcp://HOST:8786 --output profile.json
    """
    from mlops.cluster.profile import profile_file
    from mlops.data.kinds.proposal import propose_declaration
    from mlops.data.profile import encode_profile
    from mlops.files.atomic import write_atomically

    if propose and scheduler:
        raise click.UsageError("--propose reads the file on this machine. Leave out --scheduler.")
    if target and not propose:
        raise click.UsageError("--target is valid only with --propose. Add --propose.")
    if propose:
        content = propose_declaration(data_file, target).encode()
    else:
        content = encode_profile(profile_file(data_file, scheduler, _read_declared_columns()))
    if output:
        write_atomically(output, content)
    else:
        click.echo(content, nl=False)


def _read_declared_columns() -> "tuple[Column, ...]":
    from mlops.parameters.layers import read_layer
    from mlops.problem import load

    name = read_layer(find_workspace().project / "parameters" / "base.yml").problem
    return load(name).columns if name else ()


environment_option = click.option(
    "--environment", type=Choice(ENVIRONMENTS), default="production", show_default=True, help="The service."
)


@click.group()
def data() -> None:
    """Read or delete the rows that services collect.

    \b
    Examples:
      mlops data collected --output rows.parquet
      mlops data forget --id 4711
    """


@data.command(cls=ServiceCommand)
@environment_option
@click.option("--from", "since", type=Moment(), metavar="TIME", help="Only rows since this day or time, in UTC.")
@click.option("--to", "until", type=Moment(ends=True), metavar="TIME", help="Only rows up to this day or time, in UTC.")
@click.option("--version", type=Filled(), metavar="NUMBER", help="Only rows that this version of the model scored.")
@click.option("--output", type=TablePath(), help="Write the rows to this file: .parquet or .csv.")
@platform_option
@json_option
def collected(
    environment: str,
    since: datetime | None,
    until: datetime | None,
    version: str | None,
    output: Path | None,
    platform: str,
    as_json: bool,
) -> None:
    """Count the rows that a service collected, or write them to a file.

    Each row has its prediction. Rows that are both in the folder of the service and uploaded are included once.

    \b
    Examples:
      mlops data collected
      mlops data collected --from 2026-11-01 --to 2026-11-30 --output november.parquet
      mlops data collected --version 3 --output rows.csv
    """
    from mlops.catalog.collected import Selection, count_tests, read_collected, write_collected
    from mlops.catalog.segments import list_versions
    from mlops.serving.tracing import TEST

    if since and until and since >= until:
        raise click.UsageError("--from is not before --to, so no row can match. Exchange or change their values.")
    opened = open_platform(platform)
    place = _get_collections(opened).find_place(environment)
    selection = Selection(since, until, version or "")
    table = read_collected(place, selection)
    if version and not table.num_rows:
        _require_version(environment, version, list_versions(place))
    if output and table.num_rows:
        write_collected(table, output)
    counts, tests = _count_by_version(table), count_tests(table)
    if as_json:
        written = str(output or "") if table.num_rows else ""
        print_json({"rows": table.num_rows, "tests": tests, "versions": counts, "output": written})
        return
    if not table.num_rows:
        click.echo(_explain_empty(opened, environment, output, selected=selection != Selection()))
        return
    for name, count in counts.items():
        click.echo(f"{name}: {count:,} rows")
    if tests:
        click.echo(f"{tests:,} of these rows are from tests of releases: their _request begins with {TEST}.")
    click.echo(f"Written to {output}." if output else "To write them to a file, add --output rows.parquet.")


@data.command(cls=ServiceCommand)
@click.option(
    "--id", "ids", type=Filled(), multiple=True, required=True, metavar="ID", help="Id of the person; can be repeated."
)
@environment_option
@platform_option
@json_option
def forget(ids: tuple[str, ...], environment: str, platform: str, as_json: bool) -> None:
    """Delete all collected rows that have an id, and list the data sets and models that contain it.

    The command searches the ids that requests have beside their rows, and columns of the kind "id", even if they are
    hashed. It also searches the id columns of all versions of the data set. The versions and the models are not
    changed.

    \b
    Example:
      mlops data forget --id 4711
    """
    from mlops.catalog.forgetting import find_traces, forget_person
    from mlops.record.ledger import list_runs
    from mlops.serving.collection.forgetting import Person

    opened = open_platform(platform)
    collections = _get_collections(opened)
    place = collections.find_place(environment)
    found = forget_person(place, Person(ids, collections.find_key()))
    traces = find_traces(opened.backend.datasets, opened.problem, list_runs(opened.workspace.outputs), ids)
    if as_json:
        listed = [
            {"dataset": trace.dataset.name, "version": trace.dataset.version, "models": trace.models}
            for trace in traces
        ]
        print_json({"forgotten": asdict(found), "traces": listed})
        return
    click.echo("\n".join(_describe_forgotten(place, found, traces, opened.problem)))


def _get_collections(opened: "OpenProject") -> "Collections":
    return opened.backend.require(opened.backend.collections, "collected data")


def _require_version(environment: str, version: str, known: "list[str]") -> None:
    if known and version not in known:
        named = ", ".join(known[-MOST_VERSIONS:])
        raise ModelNotFoundError(
            f"--version is {version!r}, but {environment} has no rows of such a version. "
            f"Choose a version that has some: {'..., ' if known[MOST_VERSIONS:] else ''}{named}."
        )


def _explain_empty(opened: "OpenProject", environment: str, output: Path | None, *, selected: bool) -> str:
    said = f"{environment} has no collected rows{' that match the options' if selected else ''}"
    said += f", so {output} was not written." if output else "."
    if selected:
        service = "" if environment == ENVIRONMENTS[-1] else f" --environment {environment}"
        return f"{said} Run `mlops data collected{service}{opened.command_options}` to count all rows."
    settings = f"parameters/{opened.parameters.platform}.yml"
    return (
        f"{said} Check with `mlops status{opened.command_options}` that it serves a model, and in {settings} that "
        "collect_share is not 0."
    )


def _count_by_version(table: "pa.Table") -> dict[str, int]:
    if not table.num_rows:
        return {}
    from mlops.catalog.collected import MODEL, VERSION

    groups = table.group_by([MODEL, VERSION]).aggregate([([], "count_all")]).sort_by([(MODEL, "ascending")])
    return {f"{row[MODEL]} version {row[VERSION]}": row["count_all"] for row in groups.to_pylist()}


def _describe_forgotten(
    place: "CollectedPlace", found: "Forgotten", traces: "list[Trace]", problem: "Problem"
) -> "list[str]":
    lines = [f"Deleted rows: {found.rows:,}. Changed files: {found.files:,}."]
    if found.without_ids:
        lines.append(f"Files with rows that have no id, which could not be searched: {found.without_ids:,}.")
    if found.without_key:
        lines.append(f"Files not searched for hashed ids: {found.without_key:,}. Set MLOPS_SECRET_COLLECTION_KEY.")
    lines += [f"{path} is damaged. Only the part before the damage was searched." for path in found.damaged]
    lines += [f"{path} is still being written, so it was not searched. Run the command again." for path in found.open]
    if not place.folder:
        lines.append("Rows that a container has not uploaded yet were not searched. Run the command again in a minute.")
    for trace in traces:
        made = f"used to train {', '.join(trace.models)}" if trace.models else "no run here trained a model on it"
        lines.append(f"Contains the id: {trace.dataset.name} version {trace.dataset.version} ({made}).")
    if not any(column.read_as == "id" for column in problem.columns):
        lines.append(f"The problem {problem.name!r} declares no id column, so the data sets could not be searched.")
    elif not traces:
        lines.append("No version of the data set contains the id.")
    lines.append("Models of deleted runs, copies outside of this platform and backups were not searched.")
    return lines
