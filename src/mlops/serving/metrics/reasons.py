"""The reason why a request was refused or failed, as a label of a metric."""

from ..refusals import Refusal
from .declared import OTHER, REASONS

BY_STATUS = {
    400: "malformed",
    401: "key",
    404: "path",
    405: "method",
    408: "slow",
    413: "size",
    415: "content",
    422: "script_refused",
    431: "head",
    500: "failure",
}


def name_reason(refusal: Refusal) -> str:
    """Return the label for a refusal: its `reason`, the rule that a row broke, or the label for its status."""
    found = refusal.reason or refusal.details.get("rule") or BY_STATUS.get(refusal.status)
    return str(found) if found in REASONS else OTHER
