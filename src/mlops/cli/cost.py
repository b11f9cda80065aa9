"""The command that estimates the costs of a platform."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from mlops.cli.options import json_option, open_platform, platform_option
from mlops.cli.streams import print_json
from mlops.operations.costs import NO_PRICES, Cost, Estimate, estimate_costs, read_prices
from mlops.platform.billing import Usage

DEFAULT = Usage()


class Amount(click.FloatRange):
    """An option type for finite numbers of 0 or more."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the typed text to a number."""
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is not an amount. Write a number that is 0 or more.", param, ctx)
        return found


@click.command()
@platform_option
@click.option(
    "--prices",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A YAML file with a currency and the price of each unit, like docs/prices-example.yml.",
)
@click.option("--runs", type=Amount(0), help="Retrainings per month. [default: as scheduled]")
@click.option(
    "--minutes",
    type=Amount(0),
    default=DEFAULT.run_minutes,
    show_default=True,
    help="Duration of a retraining, in minutes.",
)
@click.option(
    "--nodes", type=click.IntRange(1), default=DEFAULT.run_nodes, show_default=True, help="Machines per retraining."
)
@click.option(
    "--production-nodes",
    type=Amount(0, min_open=True),
    help="Average number of serving machines. [default: the autoscaler's minimum]",
)
@click.option("--storage-gb", type=Amount(0), default=DEFAULT.storage_gb, show_default=True, help="Stored data, in GB.")
@click.option(
    "--monitoring-gb",
    type=Amount(0),
    default=DEFAULT.monitoring_gb,
    show_default=True,
    help="Ingested logs and telemetry per month, in GB.",
)
@json_option
def cost(
    platform: str,
    prices: Path | None,
    runs: float | None,
    minutes: float,
    nodes: int,
    production_nodes: float | None,
    storage_gb: float,
    monitoring_gb: float,
    as_json: bool,
) -> None:
    """Estimate the costs of the platform in a month of 30 days, with the formula of each line.

    Quantities come from the settings (number and size of nodes, frequency of the schedule) and from these options.
    Prices come from the file that you name with --prices. No request is sent to the platform.

    \b
    Examples:
      mlops cost --platform azure
      mlops cost --platform azure --prices docs/prices-example.yml
      mlops cost --platform azure --runs 100 --minutes 45 --nodes 4
    """
    backend = open_platform(platform).backend
    usage = Usage(runs, minutes, nodes, production_nodes, storage_gb, monitoring_gb)
    known = read_prices(prices) if prices else NO_PRICES
    estimate = estimate_costs(backend.billing.list_billable(usage) if backend.billing else [], known)
    if as_json:
        print_json(estimate)
    else:
        click.echo("\n".join(_describe(estimate)))


def _describe(estimate: Estimate) -> Iterator[str]:
    if not estimate.lines:
        yield "Nothing is billed, because this platform is your own machine."
        return
    yield from (_describe_line(line, estimate.currency) for line in estimate.lines)
    if estimate.currency:
        least = "at least " if estimate.missing else ""
        yield f"a month of 30 days: {least}{estimate.total:.2f} {estimate.currency}"
    if estimate.missing:
        yield f"no price for: {', '.join(estimate.missing)}" + ("" if estimate.currency else " (--prices FILE)")
    if estimate.unused:
        yield f"unused prices: {', '.join(estimate.unused)}"


def _describe_line(line: Cost, currency: str) -> str:
    if line.amount is None:
        return f"{line.item:<26} {line.quantity:>9.1f} {line.unit:<11} = {line.formula}"
    formula = f"{line.formula} x {line.unit_price:g} {currency}"
    return f"{line.item:<26} {line.amount:>9.2f} {currency:<11} = {formula}"
