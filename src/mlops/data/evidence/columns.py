"""The choice of the tests of a column by its kind."""

from collections.abc import Iterator

from mlops.data.evidence.categories import compare_categories
from mlops.data.evidence.numbers import compare_numbers
from mlops.data.evidence.outcome import Evidence
from mlops.data.evidence.shares import compare_shares
from mlops.data.kinds.counts import CountProfile
from mlops.data.profile import FEWEST, ColumnProfile


def compare_columns(
    reference: ColumnProfile | CountProfile, current: ColumnProfile | CountProfile
) -> Iterator[Evidence]:
    """Yield the result of each test of a column. The profiles must have the same kind and the same bin edges."""
    if reference.nulls or current.nulls:  # otherwise, the share of missing values is 0 in both
        counts = (reference.nulls, reference.count + reference.nulls, current.nulls, current.count + current.nulls)
        yield compare_shares("missing", *counts)
    if reference.count < FEWEST or not current.count:
        return
    if isinstance(reference, ColumnProfile) and isinstance(current, ColumnProfile):
        yield from compare_numbers(reference, current)
    elif isinstance(reference, CountProfile) and isinstance(current, CountProfile):
        yield from compare_categories(reference, current)
