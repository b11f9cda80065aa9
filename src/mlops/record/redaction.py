"""The striking out of secrets from what is saved, wherever in it they stand."""

import json
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

Record = TypeVar("Record")


def strike_out(record: Record, secrets: Iterable[str]) -> Record:
    """Return a record in which every secret is replaced by ``***``.

    Parameters
    ----------
    record : text, JSON value or dataclass
        Its texts are looked at one by one, so that it stays what it is, and no escaping hides a secret.
    secrets : iterable of str
        What must not be seen.
    """
    known = tuple(form for secret in secrets for form in _list_forms(secret))
    if not known:
        return record
    return msgspec.convert(_strike(msgspec.to_builtins(record), known), type(record))


def _list_forms(secret: str) -> list[str]:
    """Return a secret as it stands in a text, and as it stands quoted in code or JSON within a text."""
    forms = {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], secret.replace("\\", "\\\\").replace('"', '\\"')}
    return sorted(forms, key=len, reverse=True)


def _strike(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "***")
        return value
    if isinstance(value, dict):
        return {_strike(key, secrets): _strike(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strike(item, secrets) for item in value]
    return value
