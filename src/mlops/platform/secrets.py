"""The seam of secrets, which are kept out of notebooks, parameters, logs and images."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

from mlops.platform.trainings import TrainingOrigin
from mlops.record.redaction import make_redactor, redact_record

TELLING = ("log_training", "start_sweep", "end_sweep", "register")  # the methods that record what a notebook says


class Secrets(Protocol):
    """The store of secrets, which are kept out of notebooks, parameters, logs and images."""

    def get_secret(self, name: str) -> str:
        """Return a secret; raises SecretNotFoundError that says how to set it."""
        ...

    def get_keys(self, environment: str) -> tuple[str, str]:
        """Return the primary and secondary key of an environment's service, made on first use."""
        ...

    def list_values(self) -> Iterable[str]:
        """Return every secret's value, so that the runner can redact what notebooks print."""
        ...


class Redacted:
    """A tracker or registry of a platform, whose texts are redacted before they are recorded.

    Parameters
    ----------
    part : object
        What records them.
    secrets : Secrets
        Of the same platform.
    """

    def __init__(self, part: object, secrets: Secrets) -> None:
        self._part = part
        self._secrets = secrets

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        return partial(self._tell, found) if name in TELLING else found

    def _tell(self, method: Callable[..., Any], *words: object, **values: object) -> Any:
        secrets = tuple(self._secrets.list_values())
        redactor = make_redactor(secrets)

        def redact(value: object) -> object:
            if isinstance(value, TrainingOrigin):
                return redact_record(value, secrets)
            return redactor.redact_value(value) if isinstance(value, str | Mapping) else value

        return method(*map(redact, words), **{name: redact(value) for name, value in values.items()})
