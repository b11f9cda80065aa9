"""The rules that each column of a data file must meet."""

from dataclasses import dataclass

from diabetes.data import FEATURES, TARGET


@dataclass(frozen=True)
class ColumnRule:
    """The allowed range of a column. Missing values are never allowed.

    Parameters
    ----------
    name : str
        The name of the column.
    minimum, maximum : float
        The limits of the range. Both limits are allowed values.
    """

    name: str
    minimum: float
    maximum: float


# A feature scaled to a sum of squares of 1 over 442 rows has a standard deviation of 0.048, a tenth of the limit.
RULES = (*(ColumnRule(name, -0.5, 0.5) for name in FEATURES), ColumnRule(TARGET, 0.0, 500.0))
