"""A column of a problem's table."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

from mlops.errors import ProblemError
from mlops.problem.fields import is_number, require_flag, require_text, require_tuple

Kind = Literal["number", "category", "boolean", "date", "id"]
Role = Literal["feature", "target", "id", "ignored"]
Bound = float | date | None
RANGED = ("number", "date")
COUNTED = ("category", "boolean")
COMPLETE = {  # the roles that allow no missing values, with the end of an error message
    "target": "target. Remove max_missing, and drop the rows without a target.",
    "id": 'id. Remove max_missing, or give the column the role "feature" or "ignored".',
}
EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Column:
    """A column, and the rules that its values must meet.

    Parameters
    ----------
    name : str
        The name of the column in the header of the file.
    kind : str
        The kind of the values: "number", "category" (text), "boolean", "date" (a day, without a time of day) or "id"
        (text or whole numbers that identify a row).
    role : str, optional
        The use of the column: "feature" (an input of the model), "target" (the value to predict), "id" (distinguishes
        rows) or "ignored" (not used, and allowed to be absent from the file). By default, "id" for a column of the kind
        "id", and "feature" for any other column.
    minimum, maximum : float or date, optional
        The range of a number or a date, including both ends.
    allowed : tuple of str, optional
        The allowed values of a category. Empty if any value is allowed.
    max_missing : float
        The largest allowed share of missing values, from 0 to 1. A target or an id must have a value in each row.
    min_share : float
        For a category or a boolean: the smallest allowed share of each of its values, from 0 to 1. Missing values do
        not count.
    watch_drift : bool, optional
        Whether the data test compares the distribution of the column with that in the reference data. By default, False
        for a date, because newer data has later dates, and True for any other column.
    checked_in_service : bool
        Whether the service refuses values outside the range, and values that are not in `allowed`. If False, only the
        data test reports them.
    title : str, optional
        The name in plots and sentences, such as "disease progression". By default, `name`.
    unit : str
        The unit of the numbers in the column, for plots and reports.

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
    min_share: float = 0.0
    watch_drift: bool | None = None
    checked_in_service: bool = True
    title: str = ""
    unit: str = ""

    def __post_init__(self) -> None:
        require_text("A column", "name", self.name)  # a header can have an empty name
        for field in ("title", "unit"):
            require_text(self, field, getattr(self, field))
        self._require_known("kind", self.kind, get_args(Kind))
        if self.role is None:
            object.__setattr__(self, "role", "id" if self.kind == "id" else "feature")
        self._require_known("role", self.role, get_args(Role))
        if not self.title:
            object.__setattr__(self, "title", self.name)
        if self.watch_drift is None:
            object.__setattr__(self, "watch_drift", self.kind != "date")
        for field in ("watch_drift", "checked_in_service"):
            require_flag(self, field, getattr(self, field))
        require_tuple(self, "allowed", self.allowed, str)
        self._check_range()
        self._check_shares()
        if self.allowed and self.kind != "category":
            raise ProblemError(
                f"{self} lists allowed values, but its kind is {self.kind!r}. Only a category can list them."
            )

    @property
    def read_as(self) -> Kind:
        """The kind that decides how values are read: "id" if the role is "id", otherwise `kind`."""
        return "id" if self.role == "id" else self.kind

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and largest allowed value; infinite if there is no bound. Dates are in days since 1970-01-01."""
        low, high = self.minimum, self.maximum
        return float("-inf") if low is None else _count(low), float("inf") if high is None else _count(high)

    def __str__(self) -> str:
        return f"The column {self.name!r}"

    def _require_known(self, what: str, value: str | None, known: tuple[str, ...]) -> None:
        if value not in known:
            raise ProblemError(f"{self} has the {what} {value!r}. Write {', '.join(known[:-1])} or {known[-1]}.")

    def _check_shares(self) -> None:
        for name, share in (("max_missing", self.max_missing), ("min_share", self.min_share)):
            if not (is_number(share) and 0 <= share <= 1):
                raise ProblemError(f"{self} has {name} {share!r}. Give a share from 0 to 1.")
        if self.max_missing and self.role in COMPLETE:
            raise ProblemError(f"{self} has max_missing {self.max_missing!r}, but it is the {COMPLETE[self.role]}")
        if not self.min_share:
            return
        if self.kind not in COUNTED:
            raise ProblemError(
                f"{self} has min_share, but its kind is {self.kind!r}. Only a category or a boolean can have it."
            )
        values = len(self.allowed) or 2
        if self.min_share * values > 1:
            share = self.min_share
            raise ProblemError(f"{self} has min_share {share!r}, but {values} values cannot each have that share.")

    def _check_range(self) -> None:
        bounds = [bound for bound in (self.minimum, self.maximum) if bound is not None]
        if bounds and self.kind not in RANGED:
            raise ProblemError(
                f"{self} has a range, but its kind is {self.kind!r}. Only numbers and dates can have one."
            )
        if bounds and self.role == "id":
            raise ProblemError(f"{self} has a range, but its role is 'id'. Remove the range.")
        for bound in bounds:
            if not (_is_day(bound) if self.kind == "date" else is_number(bound)):
                wanted = "a day, date(2024, 1, 31)" if self.kind == "date" else "a number"
                raise ProblemError(
                    f"{self} has the bound {bound!r}, which does not fit its kind {self.kind!r}. Write {wanted}."
                )
        if len(bounds) == 2 and bounds[0] > bounds[1]:  # type: ignore[operator]
            raise ProblemError(f"{self} has the minimum {bounds[0]!r} above its maximum {bounds[1]!r}.")


def _is_day(bound: object) -> bool:
    return isinstance(bound, date) and not isinstance(bound, datetime)  # a datetime is a date, too


def _count(bound: float | date) -> float:
    return float(bound.toordinal() - EPOCH) if isinstance(bound, date) else float(bound)
