"""A column of a problem's table."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from mlops.errors import ProblemError

Kind = Literal["number", "category", "boolean", "date", "id"]
Role = Literal["feature", "target", "id", "ignored"]
Bound = float | date | None
RANGED = ("number", "date")


@dataclass(frozen=True)
class Column:
    """A column, and the rules that its values must meet.

    Parameters
    ----------
    name : str
        The name in the file's header.
    kind : str
        "number", "category" (text), "boolean", "date" or "id" (text or whole numbers that name a row).
    role : str, optional
        "feature" (an input of the model), "target" (the value to predict), "id" (distinguishes rows) or "ignored" (in
        the file, but not used). By default, "id" for a column of the kind "id", and "feature" for any other column.
    minimum, maximum : float or date, optional
        The range of a number or a date. Both ends are allowed. The data test does not check dates yet.
    allowed : tuple of str, optional
        The allowed values of a category. Empty if any value is allowed.
    max_missing : float
        The largest allowed share of missing values, from 0 to 1.
    title : str, optional
        The name in plots and sentences: "disease progression". By default, `name`.
    unit : str
        The unit of the numbers in the column, for plots and reports.
    checked_in_service : bool
        Whether the service, too, checks the range or the allowed values. If False, only the data test checks them.

    Raises
    ------
    ProblemError
        If the declaration contradicts itself.
    """

    name: str
    kind: Kind = "number"
    role: Role | None = None
    minimum: Bound = None
    maximum: Bound = None
    allowed: tuple[str, ...] = ()
    max_missing: float = 0.0
    title: str = ""
    unit: str = ""
    checked_in_service: bool = True

    def __post_init__(self) -> None:
        self._require_known("kind", self.kind, get_args(Kind))
        if self.role is None:
            object.__setattr__(self, "role", "id" if self.kind == "id" else "feature")
        self._require_known("role", self.role, get_args(Role))
        if not self.title:
            object.__setattr__(self, "title", self.name)
        self._check_range()
        if self.allowed and self.kind != "category":
            raise ProblemError(f"{self} lists allowed values, but its kind is {self.kind!r}. Only a category has them.")
        if not 0 <= self.max_missing <= 1:
            raise ProblemError(f"{self} has max_missing {self.max_missing!r}. Give a share from 0 to 1.")

    @property
    def range(self) -> tuple[float, float]:
        """The ends of the range of a column of numbers. An end that is not set is infinite."""
        low, high = self.minimum, self.maximum
        return float("-inf") if low is None else float(low), float("inf") if high is None else float(high)  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"The column {self.name!r}"

    def _require_known(self, what: str, value: str | None, known: tuple[str, ...]) -> None:
        if value not in known:
            raise ProblemError(f"{self} has the {what} {value!r}. Write {', '.join(known[:-1])} or {known[-1]}.")

    def _check_range(self) -> None:
        bounds = [bound for bound in (self.minimum, self.maximum) if bound is not None]
        if bounds and self.kind not in RANGED:
            raise ProblemError(f"{self} has a range. Only numbers and dates have one, and its kind is {self.kind!r}.")
        for bound in bounds:
            if isinstance(bound, date) != (self.kind == "date"):
                raise ProblemError(f"{self} has the bound {bound!r}, but its kind is {self.kind!r}.")
        if len(bounds) == 2 and bounds[0] > bounds[1]:  # type: ignore[operator]
            raise ProblemError(f"{self} has the minimum {bounds[0]!r} above its maximum {bounds[1]!r}.")
