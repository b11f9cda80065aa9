"""The review of the gate's decision, given the comparison in segments."""

from dataclasses import replace

from mlops.model.promotion import Decision
from mlops.model.segments.report import name_worse
from mlops.model.segments.verdicts import Segments


def review_decision(decision: Decision, segments: Segments) -> Decision:
    """Return the decision of the gate. If a promoted challenger is worse in some segments, the reason names them.

    If the problem sets `reject_worse_segments`, such a challenger is rejected.
    """
    if not (decision.promoted and decision.kind == "compared" and segments.worse):
        return decision
    verdict = "It is rejected, because it is" if segments.rejects else "But it is"
    return replace(
        decision, promoted=not segments.rejects, reason=f"{decision.reason} {verdict} {name_worse(segments)}"
    )
