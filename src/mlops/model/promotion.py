"""The promotion gate, which decides whether a new model (the challenger) replaces the current one (the champion).

Both models are compared on the same rows, which neither model has seen in training (`mlops.model.comparison`). The
challenger is promoted if the one-sided lower bound of the improvement is above zero, and if the improvement is large
enough for a release.
"""

from dataclasses import dataclass, replace
from typing import Literal

from scipy.stats import nbinom, norm

from mlops.errors import UsageError
from mlops.model.comparison import FEWEST_OF_CLASS, Comparison
from mlops.numbers import format_confidence, format_count, format_number
from mlops.pipelines.advice import GATE, GATE_NOTEBOOK
from mlops.pipelines.tags import OVERRIDDEN_BY, OVERRIDE_REASON

SURE = 0.9  # the probability that the suggested number of rows is enough
POWER = 0.8  # the probability of a promotion if the true improvement equals the detectable gain


@dataclass(frozen=True)
class Decision:
    """The decision whether a new model (the challenger) replaces the current one (the champion).

    Parameters
    ----------
    promoted : bool
        Whether the challenger becomes the champion.
    reason : str
        The reason for the decision, as a sentence for the report.
    rows : int
        The number of rows on which the models were compared.
    improvement, lower_bound : float
        The improvement of the metric and its one-sided lower bound, in the unit of the metric. Values above zero mean
        that the challenger is better.
    detectable_gain : float
        The smallest true improvement that leads to a promotion on these rows in about four out of five cases, in the
        unit of the metric. It is never below the required gain.
    required_gain : float
        The smallest improvement that is worth a release, in the unit of the metric.
    look : int
        The number of this comparison among all comparisons with the champion, counted from 1; 0 if it does not count as
        a comparison with the champion.
    more_rows : int, optional
        If there were too few rows, the number of rows to add to the data set so that there are probably enough; None if
        this number is unknown. Otherwise 0.
    override : str
        If a person promoted the challenger although the gate rejected it, that person's reason. Otherwise empty.
    kind : str
        The kind of the decision: "first" (there was no champion), "unlike" (the champion could not be compared), "few"
        (there were too few rows for a comparison), "equal" (the models are equal), "skewed" (the challenger seems
        better, but is so much worse on a few rows that no decision is possible), or "compared" (all other cases).
    """

    promoted: bool
    reason: str
    rows: int = 0
    improvement: float = 0.0
    lower_bound: float = 0.0
    detectable_gain: float = 0.0
    required_gain: float = 0.0
    look: int = 0
    kind: Literal["first", "unlike", "few", "equal", "skewed", "compared"] = "compared"
    more_rows: int | None = 0
    override: str = ""

    @property
    def gains(self) -> dict[str, float | None]:
        """The numbers that the gate's notebook stores as results, by the names of these results."""
        return {name: getattr(self, name) for name in GATE.gains}


def decide_promotion(
    compared: Comparison, *, min_rows: int = 30, left_out: str = "", holdout_share: float = 0.0
) -> Decision:
    """Return the decision whether to promote a new model (the challenger).

    Parameters
    ----------
    compared : Comparison
        The comparison of the challenger with the champion. Without a champion, the challenger is promoted.
    min_rows : int
        The minimum number of rows for a promotion.
    left_out : str
        A sentence that says why some rows were left out of the comparison. If too few rows remain, it is appended to
        the reason.
    holdout_share : float
        The share of new rows of the data set that would be held out, between 0 and 1; 0 if it is unknown.
    """
    rows = compared.rows
    if compared.champion is None:
        reason = "There is no champion yet, so the first model is promoted."
        return Decision(promoted=True, reason=reason, rows=rows, kind="first")
    if rows < min_rows:
        known = f"Only {format_count(rows, 'row')} {'is' if rows == 1 else 'are'} known to be unseen by both models"
        reason = f"{known}, but the comparison needs {min_rows:,}. {left_out}".rstrip()
        more = _count_more_rows(min_rows - rows, holdout_share)
        return Decision(promoted=False, reason=reason, rows=rows, kind="few", more_rows=more)
    if compared.equality:
        everywhere = f"{compared.equality} on all {rows:,} rows unseen by both models"
        reason = f"The challenger and the champion are equal: {everywhere}."
        return Decision(promoted=False, reason=reason, rows=rows, kind="equal")
    if compared.shortage:
        reason = f"{compared.shortage} {left_out}".rstrip()
        more = None
        if compared.actual is not None and compared.metric.all_classes and compared.rarest < FEWEST_OF_CLASS:
            more = _count_more_rows(FEWEST_OF_CLASS - compared.rarest, holdout_share * compared.rarest / rows)
        return Decision(promoted=False, reason=reason, rows=rows, kind="few", more_rows=more)
    if compared.too_skewed:
        reason = (
            f"These rows cannot show whether the challenger is better: on a few of the {rows:,} rows unseen by both "
            "models, the challenger is so much worse that other rows could give a different result."
        )
        return Decision(False, reason, rows, compared.improvement, look=compared.look, kind="skewed")
    lower_bound = compared.lower_bound
    least = compared.smallest_gain
    needed = max(compared.improvement - lower_bound, least)
    detectable = needed + float(norm.ppf(POWER)) * compared.standard_error
    promoted = lower_bound > 0 and compared.improvement >= least
    reason = _explain(compared, lower_bound)
    return Decision(promoted, reason, rows, compared.improvement, lower_bound, detectable, least, compared.look)


def _count_more_rows(missing: int, share: float) -> int | None:
    """Return how many rows have at least the `missing` rows among them with 90 %, if each is one of them by `share`."""
    return missing + int(nbinom.ppf(SURE, missing, share)) if share > 0 else None


def _explain(compared: Comparison, lower_bound: float) -> str:
    metric, size, least = compared.metric, compared.improvement, compared.smallest_gain
    limited = f"with a {format_confidence(compared.spent)} lower bound of"
    if lower_bound > 0 and size >= least:
        verdict, rest = "is better", f"{limited} {format_number(lower_bound)}"
    elif lower_bound > 0:
        verdict = "is better, but not by enough for a release"
        rest = f"{limited} {format_number(lower_bound)}. A release needs an improvement of {metric.show(least)}"
    elif size >= 0:
        verdict = "is not shown to be better"
        rest = f"{limited} {format_number(lower_bound)}. A promotion needs a bound above zero"
    elif (upper_bound := compared.upper_bound) < 0:
        verdict, rest = "is worse", f"{limited} {format_number(-upper_bound)}"
    else:
        verdict, rest = "is not shown to be better", "which chance can explain"
    change = "improvement" if size >= 0 else "decrease" if metric.higher_is_better else "increase"
    return (
        f"The challenger {verdict}: the {change} of the {metric.title} is {metric.show(abs(size))} on "
        f"{compared.rows:,} rows unseen by both models, {rest}."
    )


def describe_sensitivity(decision: Decision, unit: str) -> str:
    """Return a sentence with the smallest improvement that the promotion gate detects, in the metric's `unit`."""
    if decision.kind == "compared":
        gain = f"{format_number(decision.detectable_gain)} {unit}".strip()
        return f"Smallest improvement that the gate detects on these rows in about four cases out of five: {gain}."
    more = f" About {decision.more_rows:,} more rows in the data set would be enough." if decision.more_rows else ""
    return {
        "first": "There is no champion to improve on yet.",
        "unlike": "The champion could not be compared, so it is unknown which improvement the gate would detect.",
        "few": f"There are too few rows to detect any improvement.{more}",
        "skewed": "On a few rows, the challenger is so much worse that no improvement can be detected.",
        "equal": "The two models are equal, so neither can be better.",
    }[decision.kind]


def overrule(decision: Decision, promote_always: bool, why: str, misfit: str = "") -> Decision:
    """Return the decision of the promotion gate, or a promotion if a person overrules the gate.

    Parameters
    ----------
    decision : Decision
        The decision of the gate.
    promote_always : bool
        Whether to promote the model even if the gate rejects it.
    why : str
        The reason for overruling the gate; empty if nobody overrules it.
    misfit : str
        The reason why the champion was left out of the comparison; empty if it was compared.

    Raises
    ------
    UsageError
        If `promote_always` is set without a reason.
    """
    if promote_always and not why.strip():
        raise UsageError(f"{GATE.overruled_by} overrules the gate, so it needs a reason. Set {GATE.override_reason}.")
    if misfit:
        decision = replace(decision, promoted=False, reason=misfit, kind="unlike")
    if decision.promoted or not promote_always:
        return decision
    reason = f"The gate was overruled: {why.rstrip('.')}. The gate's reason: {decision.reason}"
    return replace(decision, promoted=True, reason=reason, override=why)


def tag_override(why: str, user: str) -> dict[str, str]:
    """Return tags that record `user`, who overruled the gate, and the reason `why`; no tags if `why` is empty."""
    return {OVERRIDE_REASON: why, OVERRIDDEN_BY: user} if why else {}


def require_promoted(promoted: bool, reason: str) -> None:
    """Raise an error with the reason if the promotion gate rejected a model.

    Raises
    ------
    UsageError
        If `promoted` is False.
    """
    if not promoted:
        raise UsageError(f"{GATE_NOTEBOOK} rejected this model, so there is nothing to register. {reason}")
