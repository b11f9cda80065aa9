"""Sentences about the improvement, for people who judge the decision of the gate."""

import numpy as np

from mlops.data.equality import are_equal
from mlops.model.comparison import Comparison
from mlops.model.looks import describe_looks
from mlops.model.promotion import Decision, describe_sensitivity
from mlops.numbers import format_confidence, format_number, format_pair

LARGEST = 5  # the number of rows whose share of the improvement is reported


def report_gains(compared: Comparison, decision: Decision) -> str:
    """Return sentences about the improvement, one per line.

    The sentences give the interval of the improvement, the smallest improvement that can be detected with these rows,
    the share of the improvement that comes from the rows with the largest gains, and the number of comparisons with the
    champion.
    """
    sensitivity = describe_sensitivity(decision, compared.metric.unit)
    if decision.kind == "compared" and is_constant(compared):
        sensitivity = "Because the gains do not vary, the smallest improvement that these rows could show is unknown."
    if decision.kind == "first":
        return sensitivity
    if decision.kind != "compared":
        return "\n".join((sensitivity, describe_looks(compared, decision)))
    parts = describe_interval(compared), sensitivity, describe_largest(compared), describe_looks(compared, decision)
    return "\n".join(parts)


def describe_interval(compared: Comparison) -> str:
    """Return sentences with the interval of the improvement."""
    if is_constant(compared):
        gain = f"{format_number(compared.improvement)} {compared.metric.unit}".strip()
        return (
            f"All {name_values(compared)} have the same gain, {gain}, so they do not show how much the improvement "
            "varies. A promotion needs a gain above zero."
        )
    low, high = format_pair(compared.lower_bound, compared.upper_bound)
    return (
        f"With a confidence of {give_confidence(compared)}, the true improvement is between {low} and "
        f"{f'{high} {compared.metric.unit}'.strip()}. A promotion needs the first number to be above zero."
    )


def describe_largest(compared: Comparison) -> str:
    """Return sentences that say how much of the improvement comes from the five rows with the largest gains."""
    if compared.improvement <= 0:
        return "There is no improvement, so no rows contribute to it."
    if compared.gains.size < compared.rows:
        return "The rows were compared in groups, so the share of single rows is unknown."
    if compared.rows <= LARGEST:
        return f"Only {compared.rows} rows were compared, so the whole improvement rests on them."
    ordered = np.sort(compared.gains)
    most, least = ordered[-LARGEST:], ordered[:LARGEST]
    rest = float(ordered[:-LARGEST].mean())
    part = _give_share(most.sum() / ordered.sum()) if rest > 0 else "all"
    equal = f"if all {compared.rows:,} gains were equal, any five would make up {_give_share(LARGEST / compared.rows)}"
    without = f"Without them, the improvement would be {_give_improvement(compared, rest)}"
    if least[-1] < 0:  # all five are losses
        most_without = _give_improvement(compared, float(ordered[LARGEST:].mean()))
        without += f", and without the five rows with the largest losses, {most_without}"
    return f"The five rows with the largest gains make up {part} of the improvement; {equal}. {without}."


def _give_share(share: float) -> str:
    return "less than 1%" if share < 0.01 else f"{100 * share:.0f}%"


def _give_improvement(compared: Comparison, improvement: float) -> str:
    about = "" if compared.actual is None else "about "  # exact only if the metric is a mean
    return f"{about}{compared.metric.show(improvement)}"


def is_constant(compared: Comparison) -> bool:
    """Return whether all gains are equal, so that both ends of the interval are the improvement itself."""
    return are_equal([compared.lower_bound], [compared.upper_bound])


def name_values(compared: Comparison) -> str:
    """Return what the gains belong to: "rows" or "groups of rows"."""
    return "rows" if len(compared.gains) == compared.rows else "groups of rows"


def give_confidence(compared: Comparison) -> str:
    """Format the confidence of the interval. Its error rate is the sum of the error rates of its two bounds."""
    return format_confidence(2 * compared.spent - 1)
