"""The goals of the benchmark, as data, and the check whether a figure meets them.

A figure is either the ratio to a peer that was measured in the same run, or a value with a fixed limit.
"""

from dataclasses import dataclass, replace

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
    cold : float, optional
        The value that is required, and aimed for, if the parent must start first; None if it is the same.
    """

    what: str
    limit: float
    aim: float
    unit: str = "x"
    at_least: bool = True
    cold: float | None = None

    def choose(self, parent: str) -> "Goal":
        """Return the goal for a "warm" or a "cold" parent."""
        return self if parent != "cold" or self.cold is None else replace(self, limit=self.cold, aim=self.cold)

    def judge(self, value: float) -> str:
        """Return whether a value meets the goal, and whether it also reaches the aim."""
        if not self._reaches(value, self.limit):
            return "goal not met"
        return "aim met" if self._reaches(value, self.aim) else "goal met"

    def describe(self) -> str:
        """Format the limit and the aim for people."""
        sign = ">=" if self.at_least else "<="
        aim = "" if self.aim == self.limit else f", aim {sign} {self.aim:g}{self.unit}"
        return f"{sign} {self.limit:.3g}{self.unit}{aim}"

    def _reaches(self, value: float, bound: float) -> bool:
        return value >= bound if self.at_least else value <= bound


GOALS = {
    "cli_default": Goal("8 notebooks: times faster than papermill's CLI, default pip install", 15, 15, cold=10),
    "cli_own": Goal("8 notebooks: times faster than papermill's CLI, this environment", 7, 10),
    "scripts": Goal("8 notebooks: share of the time of plain scripts", 0.45, 0.3, at_least=False),
    "one_process": Goal("8 notebooks: share of the time of one cold process", 0.9, 0.7, at_least=False, cold=1.6),
    "overhead": Goal("request to first cell", 100, 100, " ms", at_least=False),
    "imports": Goal("request to the end of a notebook's imports: times a new process", 1.2, 1.2, at_least=False),
    "nbval": Goal("nbval: times faster than on fresh kernels", 2.4, 2.4),
    "status": Goal("mlops status", 1.0, 1.0, " s", at_least=False),
    "runs": Goal("mlops runs", 1.0, 1.0, " s", at_least=False),
    "unchanged": Goal("mlops run retrain, unchanged", 1.0, 1.0, " s", at_least=False),
    "help": Goal("mlops --help", 0.25, 0.25, " s", at_least=False),
    "unknown": Goal("an unknown command", 0.25, 0.25, " s", at_least=False),
    "mistake": Goal("a mistake in the name of a parameter", 1.0, 1.0, " s", at_least=False),
    "tall_time": Goal("1,000,000 rows of 20 columns: mlops run all", 40, 40, " s", at_least=False),
    "tall_memory": Goal("1,000,000 rows of 20 columns: largest memory of a step", 900, 900, " MB", at_least=False),
    "wide_time": Goal("500 rows of 10,000 columns: mlops run all", 45, 45, " s", at_least=False),
    "wide_memory": Goal("500 rows of 10,000 columns: largest memory of a step", 900, 900, " MB", at_least=False),
    "taller_time": Goal("10,000,000 rows of 11 columns: data test", 6, 6, " s", at_least=False),
    "taller_memory": Goal("10,000,000 rows of 11 columns: memory of the data test", 500, 500, " MB", at_least=False),
    "records_1": Goal("one record with texts: share of the throughput on ten numbers", 1 / 3, 1 / 3),
    "records_100": Goal("100 records with texts: share of the throughput on ten numbers", 1 / 3, 1 / 3),
    "scoring_1": Goal("1 row: times faster than azureml-inference-server-http", 20, 35),
    "scoring_100": Goal("100 rows: times faster than azureml-inference-server-http", 9, 14),
    "scoring_1000": Goal("1,000 rows: times faster than azureml-inference-server-http", 5, 8),
    "collection_1": Goal("1 row: share of the throughput without collection", 0.85, 0.85),
    "collection_100": Goal("100 rows: share of the throughput without collection", 0.85, 0.85),
    "collection_1000": Goal("1,000 rows: share of the throughput without collection", 0.85, 0.85),
    "ridge_1": Goal("scaler and ridge, 1 row: times faster than the same with joblib", 8, 20),
    "ridge_100": Goal("scaler and ridge, 100 rows: times faster than the same with joblib", 8, 20),
    "ridge_1000": Goal("scaler and ridge, 1,000 rows: times faster than the same with joblib", 8, 20),
    "boosting_1": Goal("boosting with categories, 1 row: times faster than the same with joblib", 8, 20),
    "boosting_100": Goal("boosting with categories, 100 rows: times faster than the same with joblib", 8, 20),
    "boosting_1000": Goal("boosting with categories, 1,000 rows: times faster than the same with joblib", 8, 20),
    "scoring_p99": Goal("1 row: 99th percentile at 1,000 requests per second", 3, 3, " ms", at_least=False),
    "scoring_ready": Goal("start of a service until it is ready", 1, 1, " s", at_least=False),
    "scoring_memory": Goal("memory of a worker for a linear model", 60, 60, " MB", at_least=False),
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
        "warm", "cold" or "no": whether the parent of the warm kernels was running already, had to start, or is not
        used.
    measure : str
        "wall", "CPU" or "PSS".
    value : float
        In the goal's unit.
    """

    goal: str
    parent: str
    measure: str
    value: float

    def judge(self) -> str:
        """Return the verdict on the figure."""
        return GOALS[self.goal].choose(self.parent).judge(self.value)

    def describe(self) -> str:
        """Return the figure and the verdict on it in one line."""
        goal = GOALS[self.goal].choose(self.parent)
        where = f"{self.parent} parent, {self.measure}"
        number = f"{self.value:.2f}{goal.unit}"
        return f"{goal.what:<72} {where:<18} {number:>10}   {self.judge():<12} ({goal.describe()})"


def compare(goal: str, parent: str, own: Row, peer: Row) -> list[Figure]:
    """Return the ratios of two variants' medians, one of wall time and one of CPU time."""
    figures = []
    for measure in ("wall", "CPU"):
        ours, theirs = own.columns[measure].median, peer.columns[measure].median
        figures.append(Figure(goal, parent, measure, theirs / ours if GOALS[goal].at_least else ours / theirs))
    return figures
