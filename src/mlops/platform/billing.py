"""The seam of billing: what a platform bills in a month."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Usage:
    """The use of a platform in a month, as far as its settings do not say it.

    Parameters
    ----------
    runs : float, optional
        Retrainings; None: as often as the platform's schedule starts them.
    run_minutes : float
        How long a retraining keeps its machines busy.
    run_nodes : int
        How many machines it keeps busy.
    production_nodes : float, optional
        How many machines serve, on average; None: as many as always stay.
    storage_gb, monitoring_gb : float
        What is stored, and what logs and telemetry bring in.
    """

    runs: float | None = None
    run_minutes: float = 20.0
    run_nodes: int = 1
    production_nodes: float | None = None
    storage_gb: float = 10.0
    monitoring_gb: float = 1.0


@dataclass(frozen=True)
class Billable:
    """One item of a month's bill: `quantity` of `unit`, computed by `formula`; `price` names its unit's price."""

    item: str
    quantity: float
    unit: str
    formula: str
    price: str


class Billing(Protocol):
    """The quantities that a platform bills."""

    def list_billable(self, usage: Usage) -> list[Billable]:
        """Return what is billed in a month of 30 days, from the settings alone; called by `mlops cost`."""
        ...
