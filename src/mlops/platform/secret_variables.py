"""Secrets in environment variables named ``MLOPS_SECRET_<NAME>``, which every platform reads."""

import os
import re
from collections.abc import Iterator

from mlops.errors import SecretNotFoundError, UsageError

PREFIX = "MLOPS_SECRET_"
SHORTEST = 8  # characters; the redaction of a shorter secret would also replace parts of ordinary words


def name_variable(secret: str) -> str:
    """Return the name of a secret's variable: ``MLOPS_SECRET_STORAGE_KEY`` for "storage-key"."""
    return PREFIX + re.sub(r"\W", "_", secret).upper()


def read_variable(secret: str) -> str:
    """Return the value of a secret from its environment variable.

    Raises
    ------
    SecretNotFoundError
        If the variable is not set.
    """
    variable = name_variable(secret)
    if variable not in os.environ:
        raise SecretNotFoundError(f"The secret {secret!r} is not set. Set the environment variable {variable}.")
    return os.environ[variable]


def redact_error(text: str) -> str:
    """Return the text of an error with all known secrets redacted."""
    from mlops.record.redaction import redact_known  # imported late: `mlops --help` does not need it

    given = [value for name, value in os.environ.items() if name.startswith(PREFIX) and len(value) >= SHORTEST]
    return redact_known(text, given)


def list_variables() -> Iterator[str]:
    """Yield the values of all environment variables that hold a secret.

    Raises
    ------
    UsageError
        If a value is too short to be redacted.
    """
    for name, value in os.environ.items():
        if name.startswith(PREFIX) and value:
            if len(value) < SHORTEST:
                raise UsageError(
                    f"The secret in {name} is too short (length {len(value)}). Use {SHORTEST} characters or more."
                )
            yield value
