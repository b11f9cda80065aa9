"""The scoring of an example before a service is ready, so that its first request is not slow."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..failures import StartFailed
from ..refusals import Refusal

EXAMPLE = "example.json"
CALLS = 2  # some libraries finish their preparations in the second call


class WarmUpFailed(StartFailed):
    """An exception for an image whose own example cannot be scored."""


def warm_up(score: Callable[[bytes], Any], bundle: Path) -> None:
    """Score the example request in an image.

    Parameters
    ----------
    score : callable
        A function that scores the body of a request.
    bundle : Path
        The folder with the content of the image. An image without an example is not warmed up.

    Raises
    ------
    WarmUpFailed
        If the example cannot be scored.
    """
    body = read_example(bundle)
    try:
        for _ in range(CALLS if body else 0):
            score(body)
    except Refusal as refusal:
        details = ", ".join(f"{name} {refusal.details[name]}" for name in ("column", "rule") if name in refusal.details)
        reason = f"status {refusal.status}" + (f", {details}" if details else "")
        raise WarmUpFailed(
            f"The service is not ready, because it cannot score the example of its image, {EXAMPLE} ({reason}). "
            "Correct the scoring script or the example."
        ) from None  # the message of the refusal can contain a value of a row


def read_example(bundle: Path) -> bytes:
    """Return the example of an image as the body of a request; empty if the image has none."""
    path = bundle / EXAMPLE
    rows = json.loads(path.read_bytes()).get("data") if path.is_file() else None
    return json.dumps({"data": rows}).encode() if rows else b""
