"""The goals of the benchmark, as data, and the check whether a figure meets them.

A figure is either the ratio to a peer that was measured in the same run, or a value with a fixed limit.
"""

from dataclasses import dataclass

from benchmarks.measure import Row


@dataclass(frozen=True)
class Goal:
    """A goal of the benchmark.

    Parameters
    ----------
    what : str
        The figure, in words.
    limit, aim : float
        The value that is required, and the value to aim for.
    unit : str
        The unit of the number: "x", "ms".
    at_least : bool
        Whether larger values are better.
    """

    what: str
    limit: float
    aim: float
    unit: str = "x"
    at_least: bool = True

    def judge(self, value: float) -> str:
        """Return whether a value meets the goal, and whether it also reaches the aim."""
        if not self._reaches(value, self.limit):
            return "goal not met"
        return "aim met" if self._reaches(value, self.aim) else "goal met"

    def describe(self) -> str:
        """Format the limit and the aim for people."""
        sign = ">=" if self.at_least else "<="
        aim = "" if self.aim == self.limit else f", aim {sign} {self.aim:g}{self.unit}"
        return f"{sign} {self.limit:g}{self.unit}{aim}"

    def _reaches(self, value: float, bound: float) -> bool:
        return value >= bound if self.at_least else value <= bound


GOALS = {
    "cli_default": Goal("8 notebooks: times faster than papermill's CLI, default pip install", 15, 15),
    "cli_own": Goal("8 notebooks: times faster than papermill's CLI, this environment", 7, 10),
    "scripts": Goal("8 notebooks: share of the time of plain scripts", 0.45, 0.3, at_least=False),
    "one_process": Goal("8 notebooks: share of the time of one cold process", 1.0, 0.7, at_least=False),
    "overhead": Goal("request to first cell", 250, 120, " ms", at_least=False),
    "nbval": Goal("nbval: times faster than on fresh kernels", 2.4, 2.4),
    "sweep": Goal("100-point sweep: times faster than papermill's CLI, this environment", 15, 15),
}


@dataclass(frozen=True)
class Figure:
    """One number that is compared with a goal.

    Parameters
    ----------
    goal : str
        Its name in `GOALS`.
    parent : str
        "warm" or "cold": whether the parent of the warm kernels was running already or had to start.
    measure : str
        "wall" or "CPU".
    value : float
        In the goal's unit.
    """

    goal: str
    parent: str
    measure: str
    value: float

    def describe(self) -> str:
        """Return the figure and the verdict on it in one line."""
        goal = GOALS[self.goal]
        where = f"{self.parent} parent, {self.measure}"
        number = f"{self.value:.2f}{goal.unit}"
        return f"{goal.what:<72} {where:<18} {number:>10}   {goal.judge(self.value):<12} ({goal.describe()})"


def compare(goal: str, parent: str, own: Row, peer: Row) -> list[Figure]:
    """Return the ratios of two variants' medians, one of wall time and one of CPU time."""
    figures = []
    for measure in ("wall", "CPU"):
        ours, theirs = own.columns[measure].median, peer.columns[measure].median
        figures.append(Figure(goal, parent, measure, theirs / ours if GOALS[goal].at_least else ours / theirs))
    return figures
