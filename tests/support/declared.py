"""What a step hands on about its problem, for tests of pages that read it."""

from dataclasses import asdict
from typing import Any

from mlops.problem.declaration import Declaration, DeclaredMetric


def declare(*names: str, unit: str = "") -> dict[str, Any]:
    """Return the result that declares metrics; the first one has the unit."""
    metrics = tuple(DeclaredMetric(name, False, name, "" if place else unit, 6) for place, name in enumerate(names))
    return {"problem": asdict(Declaration("tiny", metrics, names[0]))}
