"""The interface to billing: the billable quantities of a month."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Usage:
    """The use of a platform in a month, in quantities that its settings do not contain.

    Parameters
    ----------
    runs : float, optional
        The number of retrainings; None for the number that the platform's schedule starts.
    run_minutes : float
        How many minutes a retraining keeps its machines busy.
    run_nodes : int
        How many machines it keeps busy.
    production_nodes : float, optional
        How many machines serve on average; None for the minimum number of nodes.
    storage_gb, monitoring_gb : float
        How much data is stored, and how much data logs and telemetry add.
    """

    runs: float | None = None
    run_minutes: float = 20.0
    run_nodes: int = 1
    production_nodes: float | None = None
    storage_gb: float = 10.0
    monitoring_gb: float = 1.0


@dataclass(frozen=True)
class Billable:
    """One item of a month's bill: `quantity` of `unit`, computed with `formula`. `price` names the price of a unit."""

    item: str
    quantity: float
    unit: str
    formula: str
    price: str


class Billing(Protocol):
    """The quantities that a platform bills."""

    def list_billable(self, usage: Usage) -> list[Billable]:
        """Return the billable items of a month of 30 days, from the settings alone; called by `mlops cost`."""
        ...
