"""The settings for what services collect and report. Several platforms share them."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mlops.errors import MlopsError, SecretNotFoundError
from mlops.files.hashes import hash_content
from mlops.parameters.platform_section import declare
from mlops.serving.collection.settings import Settings
from mlops.serving.identity import SERVICE
from mlops.serving.telemetry.settings import CONNECTION_STRING, DEFAULT_SHARE

KEY = "collection-key"  # the secret with which columns are hashed
KEY_SETTING = f"SHA-256 of {KEY}"
SHOWN_HASH = 8  # characters, which do not help to guess the key
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class CollectionSettings:
    """The settings that say what services collect and report, and how long the rows are kept."""

    collect_share: float = declare(1.0, "share of the requests that services collect; 0 to collect nothing", "[0, 1]")
    collect_omitted: str = declare("", "columns that are not collected, separated by commas")
    collect_hashed: str = declare("", "columns of which only a hash is collected, separated by commas")
    collect_when_full: str = declare(
        "drop",
        "without space, drop deletes the oldest rows that are not uploaded; refuse answers requests with 503",
        options=("drop", "refuse"),
    )
    collect_limit_mb: int = declare(1024, "megabytes that rows can use before they are uploaded", "[1, 1000000]")
    collect_close_seconds: int = declare(60, "seconds after which collected rows are uploaded", "[1, 86400]")
    collect_retention_days: int = declare(
        365, "days after which collected rows are deleted; 0 to keep them", "[0, 36500]"
    )
    telemetry_share: float = declare(
        DEFAULT_SHARE, "share of the requests that services report to Application Insights", "[0, 1]"
    )


def describe_collection(given: CollectionSettings, get_secret: Callable[[str], str], **place: Any) -> Settings:
    """Return the settings for collecting requests, in the form that a server reads.

    Parameters
    ----------
    given : CollectionSettings
        The settings of the platform.
    get_secret : callable
        Returns a secret by its name. It is called only if columns are hashed.
    **place
        Those fields of the returned `Settings` that say where the rows are stored.
    """
    hashed = split_names(given.collect_hashed)
    return Settings(
        share=given.collect_share,
        omitted=split_names(given.collect_omitted),
        hashed=hashed,
        key=get_secret(KEY) if hashed else "",
        policy="refuse" if given.collect_when_full == "refuse" else "drop",
        max_bytes=given.collect_limit_mb * MEGABYTE,
        segment_seconds=given.collect_close_seconds,
        retention_days=given.collect_retention_days,
        **place,
    )


def describe_key(given: CollectionSettings, find_key: Callable[[], str]) -> dict[str, str]:
    """Return the start of the hash of the key with which columns are hashed, as a setting of a service.

    The result is empty if no key is needed or if it cannot be read: a deployment then reports the reason.

    Parameters
    ----------
    given : CollectionSettings
        The settings of the platform.
    find_key : callable
        Returns the key; see `mlops.platform.datasets.Collections`. It is called only if columns are hashed.
    """
    key = ""
    if given.collect_share and split_names(given.collect_hashed):
        with suppress(MlopsError):
            key = find_key()
    return {KEY_SETTING: hash_content(key.encode())[:SHOWN_HASH]} if key else {}


def find_hash_key(get_secret: Callable[[str], str]) -> str:
    """Return the key with which columns are hashed; empty if it is not set."""
    try:
        return get_secret(KEY)
    except SecretNotFoundError:
        return ""


def list_telemetry_variables(service: str) -> dict[str, str]:
    """Return the variables with which a server reports to Application Insights, if this process has them.

    Parameters
    ----------
    service : str
        The name of the service on the application map.
    """
    given = os.environ.get(CONNECTION_STRING, "")
    return {CONNECTION_STRING: given, SERVICE: service} if given else {}


def split_names(text: str) -> tuple[str, ...]:
    """Split a text at its commas, and return the names without surrounding spaces."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
