"""The refusal of a request."""

import json


class Refusal(Exception):
    """The refusal of a request, with its HTTP `status` and a message for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def encode_refusal(refusal: Refusal) -> bytes:
    """Return the body of an answer that refuses the request."""
    return json.dumps({"error": str(refusal)}).encode()
