"""What is simulated, and the rate that was found."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

Simulate = Callable[[np.random.Generator, int], int]


@dataclass(frozen=True)
class Case:
    """An event whose rate is simulated.

    Parameters
    ----------
    table : str
        The table in docs/statistics.md that shows the rate.
    name : str
        The situation, as the first cell of its row.
    rounds : int
        The number of rounds.
    simulate : callable
        A function of a random generator and a number of rounds. It returns the number of rounds with the event. It
        must be a function of a module, or a `functools.partial` of one, because it runs in another process.
    most, least : float
        The largest and the smallest rate that meet the goal, between 0 and 1.
    """

    table: str
    name: str
    rounds: int
    simulate: Simulate
    most: float = 1.0
    least: float = 0.0

    @property
    def goal(self) -> str:
        """The goal as text: "at most 5 %"; empty if every rate meets it."""
        if self.least > 0:
            return f"at least {100 * self.least:g} %"
        return f"at most {100 * self.most:g} %" if self.most < 1 else ""


@dataclass(frozen=True)
class Rate:
    """The number of rounds of a case that had the event."""

    case: Case
    events: int

    @property
    def share(self) -> float:
        """The simulated rate."""
        return self.events / self.case.rounds

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the rate by Clopper and Pearson (1934)."""
        events, rounds = self.events, self.case.rounds
        low = beta.ppf(0.025, events, rounds - events + 1) if events else 0.0
        high = beta.ppf(0.975, events + 1, rounds - events) if events < rounds else 1.0
        return float(low), float(high)

    @property
    def misses(self) -> bool:
        """Whether the rate misses the goal by more than the error of the simulation."""
        low, high = self.interval
        return low > self.case.most or high < self.case.least
