"""The age of the model of a service. It is not in the image, because equal models have equal images."""

import os
import time
from collections.abc import Callable

from .families import Family, Sample

REGISTERED = "SERVING_MODEL_REGISTERED"  # the variable with the time of the registration, in seconds since 1970


def describe_age(clock: Callable[[], float] = time.time) -> list[Family]:
    """Return the age of the model as a metric, or nothing if the platform does not say when it was registered."""
    registered = float(os.environ.get(REGISTERED, 0))
    if not registered:
        return []
    text = "Time since the model was registered."
    return [Family("mlops_model_age_seconds", "gauge", text, [Sample(clock() - registered)])]
