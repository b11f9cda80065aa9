"""The interface to billing: the quantities that a platform bills for a month."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Usage:
    """The assumed use of a platform in one month.

    Parameters
    ----------
    runs : float, optional
        The number of retrainings; None for the number that the platform's schedule starts.
    run_minutes : float
        How many minutes a retraining keeps its machines busy.
    run_nodes : int
        How many machines a retraining keeps busy.
    production_nodes : float, optional
        How many machines serve production on average; None for the minimum number of nodes in the settings.
    storage_gb, monitoring_gb : float
        The amount of stored data, and the amount of logs and telemetry that the month adds, in GB.
    """

    runs: float | None = None
    run_minutes: float = 20.0
    run_nodes: int = 1
    production_nodes: float | None = None
    storage_gb: float = 10.0
    monitoring_gb: float = 1.0


@dataclass(frozen=True)
class Billable:
    """One item of a month's bill: a `quantity` in a `unit`.

    `formula` shows how the quantity was calculated. `price` is the name of the unit's price in the price file.
    """

    item: str
    quantity: float
    unit: str
    formula: str
    price: str


class Billing(Protocol):
    """The calculation of the quantities that a platform bills."""

    def list_billable(self, usage: Usage) -> list[Billable]:
        """Return the billable items of a 30-day month with this usage; called by `mlops cost`."""
        ...
