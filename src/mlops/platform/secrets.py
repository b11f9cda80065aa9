"""The seam of secrets, which stay out of notebooks, parameters, logs and images."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

from mlops.platform.trainings import TrainingOrigin
from mlops.record.redaction import make_redactor, redact_record

TELLING = ("log_training", "start_sweep", "end_sweep", "register")  # the methods that record texts of a notebook


class Secrets(Protocol):
    """The store of secrets, which stay out of notebooks, parameters, logs and images."""

    def get_secret(self, name: str) -> str:
        """Return a secret; raises SecretNotFoundError, whose message says how to set it."""
        ...

    def get_keys(self, environment: str) -> tuple[str, str]:
        """Return the primary and secondary key of an environment's service, which are created on first use."""
        ...

    def list_values(self) -> Iterable[str]:
        """Return the values of all secrets, so that the runner can redact them in the output of notebooks."""
        ...


class Redacted:
    """A tracker or registry of a platform, whose texts are redacted before they are recorded.

    Parameters
    ----------
    part : object
        The tracker or registry.
    secrets : Secrets
        The secrets of the same platform.
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
