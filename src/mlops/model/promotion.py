"""The promotion gate: decides whether a new model (the challenger) is better than the current one (the champion).

Both models are scored on the same rows, which neither model has seen in training. The improvement on a row is the
champion's loss minus the challenger's loss. The challenger is promoted if the one-sided lower bootstrap bound of the
mean improvement is above zero. With more than 10,000 rows, the bound is the mean minus t standard errors.

Source: Efron and Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13 (percentile interval); Hesterberg
(2015), "What Teachers Should Know About the Bootstrap", section 5.2 (expanded percentile, exact for few rows).
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap, norm, t

from mlops.data.equality import are_equal
from mlops.errors import UsageError
from mlops.numbers import format_number
from mlops.pipelines.advice import GATE, GATE_NOTEBOOK
from mlops.platform.models import OVERRIDDEN_BY, OVERRIDE_REASON

POWER = 0.8  # the probability of a promotion if the true improvement equals the detectable gain
BATCH_VALUES = 10_000_000  # maximum number of values that the bootstrap holds in memory
MOST_RESAMPLED = 10_000  # maximum number of rows for the bootstrap


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
        The mean improvement and its one-sided lower bound, in the unit of the loss. Values above zero mean that the
        challenger is better.
    detectable_gain : float
        The smallest true improvement that is detected on these rows in four out of five cases, in the unit of the loss.
    override : str
        The reason of a person who promoted the challenger in spite of a rejection. Empty if nobody did.
    kind : str
        "first" if there was no champion, "unlike" if the champion could not be compared, "few" if there were too few
        rows, "equal" if the models are equal, otherwise "compared".
    """

    promoted: bool
    reason: str
    rows: int = 0
    improvement: float = 0.0
    lower_bound: float = 0.0
    detectable_gain: float = 0.0
    kind: Literal["first", "unlike", "few", "equal", "compared"] = "compared"
    override: str = ""

    @property
    def gains(self) -> dict[str, float]:
        """The improvement, its lower bound and the smallest detectable gain, by name."""
        return {
            "improvement": self.improvement,
            "lower_bound": self.lower_bound,
            "detectable_gain": self.detectable_gain,
        }


def decide_promotion(
    champion_losses: NDArray[np.float64] | None,
    challenger_losses: NDArray[np.float64],
    *,
    confidence: float = 0.95,
    resamples: int = 5000,
    min_rows: int = 30,
    left_out: str = "",
    loss: str = "mean loss",
    unit: str = "",
    seed: int = 0,
) -> Decision:
    """Decide whether to promote a new model (the challenger), from its losses and those of the current champion.

    Parameters
    ----------
    champion_losses, challenger_losses : array of shape (n,)
        The loss of each model on the same rows, such as the squared error; lower is better. `champion_losses` is None
        if there is no champion, so that the challenger is promoted.
    confidence : float
        The confidence of the one-sided bound, between 0 and 1.
    resamples : int
        The number of bootstrap resamples. Not used for more than 10,000 rows.
    min_rows : int
        The minimum number of rows for a promotion.
    left_out : str
        A sentence that says why some rows were left out of the comparison, for the reason.
    loss, unit : str
        The name of the mean loss and its unit, for the reason: "mean squared error", "squared points".
    seed : int
        The seed of the bootstrap.
    """
    if champion_losses is None:
        reason = "There is no champion yet, so the first model is promoted."
        return Decision(promoted=True, reason=reason, rows=len(challenger_losses), kind="first")
    if champion_losses.shape != challenger_losses.shape:
        raise ValueError(
            f"There are {len(champion_losses)} losses of the champion and {len(challenger_losses)} of the challenger. "
            "Compare both on the same rows."
        )
    gains = champion_losses - challenger_losses
    rows = len(gains)
    if rows < min_rows:
        reason = f"Only {rows} rows are known to be unseen by both models, but the comparison needs {min_rows}."
        return Decision(promoted=False, reason=f"{reason} {left_out}".rstrip(), rows=rows, kind="few")
    if are_equal(champion_losses, challenger_losses):
        reason = (
            "The challenger and the champion are equal: "
            f"they make the same errors on all {rows} rows unseen by both models."
        )
        return Decision(promoted=False, reason=reason, rows=rows, kind="equal")
    improvement = float(gains.mean())
    deviation = float(gains.std(ddof=1))
    lower_bound = improvement if deviation == 0 else _bound_mean(gains, confidence, resamples, seed)
    detectable = float(t.ppf(confidence, rows - 1) + norm.ppf(POWER)) * deviation / rows**0.5
    promoted = lower_bound > 0
    verdict, change, mean, bound = "is not shown to be better", "improvement", improvement, lower_bound
    if promoted:
        verdict = "is better"
    elif improvement < 0:
        increase = -improvement if deviation == 0 else _bound_mean(-gains, confidence, resamples, seed)
        if increase > 0:
            verdict, change, mean, bound = "is worse", "increase", -improvement, increase
    reason = (
        f"The challenger {verdict}: the {change} of the {loss} is {f'{format_number(mean)} {unit}'.strip()} on "
        f"{rows} rows unseen by both models, with a {100 * confidence:g}% lower bound of {format_number(bound)}."
    )
    return Decision(promoted, reason, rows, improvement, lower_bound, detectable)


def describe_sensitivity(decision: Decision, unit: str) -> str:
    """Return a sentence with the smallest improvement that the promotion gate detects, in the unit of the loss."""
    if decision.kind == "compared":
        gain = f"{format_number(decision.detectable_gain)} {unit}".strip()
        return f"Smallest improvement that the gate detects on these rows in four cases out of five: {gain}."
    return {
        "first": "There is no champion to improve on yet.",
        "unlike": "The champion could not be compared, so there is no improvement to detect.",
        "few": "There are too few rows to detect any improvement.",
        "equal": "The two models are equal, so there is no improvement to detect.",
    }[decision.kind]


def overrule(decision: Decision, promote_always: bool, why: str, misfit: str = "") -> Decision:
    """Return a decision of the promotion gate, changed to a promotion if a person overrules the gate.

    Parameters
    ----------
    decision : Decision
        The decision of the gate.
    promote_always : bool
        Whether to promote the model even if the gate rejects it.
    why : str
        The person's reason; empty if nobody overrules the gate.
    misfit : str
        The reason why the champion was left out of the comparison; empty if it was not. It replaces the gate's reason.

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
    """Return the tags of a model version that `user` promoted for the reason `why`. Empty if `why` is empty."""
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


def _bound_mean(values: NDArray[np.float64], confidence: float, resamples: int, seed: int) -> float:
    rows = len(values)
    if rows > MOST_RESAMPLED:
        return float(values.mean() - t.ppf(confidence, rows - 1) * values.std(ddof=1) / rows**0.5)
    expanded = float(norm.cdf((rows / (rows - 1)) ** 0.5 * t.ppf(confidence, rows - 1)))
    found = bootstrap(
        (values,),
        np.mean,
        confidence_level=expanded,
        alternative="greater",
        method="percentile",
        n_resamples=resamples,
        batch=max(1, BATCH_VALUES // rows),
        rng=np.random.default_rng(seed),
    )
    return float(found.confidence_interval.low)
