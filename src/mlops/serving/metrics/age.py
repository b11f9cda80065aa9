"""The age of the model of a service. It is not in the image, because equal models have equal images."""

import os
import time
from collections.abc import Callable

from ..identity import REGISTERED
from .families import Family, Sample


def describe_age(clock: Callable[[], float] = time.time) -> list[Family]:
    """Return the age of the model as a metric, or nothing if the platform does not say when it was registered."""
    registered = float(os.environ.get(REGISTERED, 0))
    if not registered:
        return []
    text = "Time since the model was registered."
    return [Family("mlops_model_age_seconds", "gauge", text, [Sample(clock() - registered)])]
