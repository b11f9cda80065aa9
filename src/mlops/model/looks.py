"""The looks at a champion, that is, the counted comparisons with it. See `mlops.model.spending`."""

import hashlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mlops.data.equality import measure_magnitude
from mlops.model.comparison import Comparison
from mlops.model.promotion import Decision
from mlops.numbers import format_confidence
from mlops.platform.models import ModelVersion, Registry

# Before hashing, values are rounded to a millionth of their typical magnitude, and larger values to a millionth of
# themselves, so that the hash is usually the same on different machines. A value close to a rounding boundary can still
# change it: with 100,000 rows and a relative noise of 1e-12, one hash in fifty changes. A repeated comparison then
# counts again, and the next comparison needs more confidence.
DIGITS = 1e6


def record_look(
    registry: Registry, champion: ModelVersion | None, compared: Comparison, min_rows: int = 30
) -> Comparison:
    """Record a comparison in the registry, and return it with `look` set to its number among all looks at the champion.

    A comparison of the same models on the same rows counts only once. A comparison of equal models does not count, nor
    does one on too few rows. A comparison that is too skewed for a decision does count. If it did not, only samples
    without rare large losses would count, and equal models would be promoted more often.

    Parameters
    ----------
    registry : Registry
        The registry of the platform.
    champion : ModelVersion, optional
        The champion; None if there is none.
    compared : Comparison
        The comparison of the challenger with the champion.
    min_rows : int
        The minimum number of rows for a promotion.
    """
    few = compared.rows < min_rows or compared.shortage
    if champion is None or compared.champion is None or compared.equality or few:
        return compared
    return replace(compared, look=registry.record_look(champion, hash_evidence(compared)))


def hash_evidence(compared: Comparison) -> str:
    """Return a hash of the compared values: the losses of both models, or their predictions and the target."""
    hashed = hashlib.sha256(f"{compared.metric.name} {compared.challenger.shape}".encode())
    for values in (compared.champion, compared.challenger):
        hashed.update(_round(values).tobytes() if values is not None else b"")
    if compared.actual is not None:
        hashed.update(str(compared.actual.tolist()).encode())
    return hashed.hexdigest()


def _round(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(np.arcsinh(values / (measure_magnitude(values) or 1.0)) * DIGITS).astype(np.int64)


def describe_looks(compared: Comparison, decision: Decision) -> str:
    """Return sentences that say which comparison with the champion this is, and which confidence it needs."""
    if decision.kind == "first":
        return "There is no champion to compare with yet."
    if not decision.look:
        return "The registry does not count this as a comparison with the champion."
    spent, kept = map(format_confidence, (compared.spent, compared.confidence))
    together = f"All comparisons with this champion together keep a confidence of {kept}."
    if compared.look == 1:
        return f"This is the first comparison with this champion. It needs a confidence of {spent}. {together}"
    return (
        f"This is comparison {compared.look} with this champion. Each comparison is another chance of a wrong "
        f"promotion, so this one needs a confidence of {spent}. {together}"
    )
