"""The result with which a step declares its problem, for tests of pages that read this result."""

from dataclasses import asdict
from typing import Any

from mlops.problem.declaration import Declaration, DeclaredMetric


def declare(*names: str, unit: str = "") -> dict[str, Any]:
    """Return the result that declares these metrics. The first metric has the unit."""
    metrics = tuple(DeclaredMetric(name, False, name, "" if place else unit, 6) for place, name in enumerate(names))
    return {"problem": asdict(Declaration("tiny", metrics, names[0]))}
