"""Functions that start the collection of a service's requests, with the settings from its platform."""

import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..failures import StartFailed
from ..identity import SERVICE
from ..schema import Schema
from .children import UploaderProcess
from .collector import Collector, Identity
from .settings import SETTINGS_FILE, Folders, Settings, decode_settings
from .turns import ThreadCollector, TurnCollector

# Azure sets these variables for a service with `collect_model_data`.
ENABLED, STORAGE = "AML_MODEL_DC_STORAGE_ENABLED", "AML_MODEL_DC_STORAGE"
# `mlops.backends.azure` sets these: the settings as JSON, without the place; and the connection string for services on
# Container Instances, to which Azure does not give its own variables.
SETTINGS, OWN_STORAGE = "SERVING_COLLECTION_SETTINGS", "SERVING_COLLECTION_STORAGE"
CONTAINER = "modeldata"
AZURE_SECONDS = 5.0  # a container can be lost at any time, with everything that was not uploaded
AZURE_BYTES = 256 << 20

logger = logging.getLogger("azmlinfsrv.serving")  # Azure keeps the records of this logger's parent


def open_collection(
    settings: str, identity: Mapping[str, Any], schema: Schema | None, folders: Folders | None = None
) -> TurnCollector:
    """Return the collector for a server with an event loop.

    `settings` are the settings as JSON, and `identity` is the identity of the image; see `serving.identity`.

    Raises
    ------
    StartFailed
        If the settings are wrong.
    """
    try:
        collector = Collector(decode_settings(settings.encode()), _identify(identity), schema)
    except ValueError as error:
        raise StartFailed(f"The collection cannot start. {error}") from error
    return TurnCollector(collector, folders)


def open_azure_collection(
    identity: Mapping[str, Any], schema: Schema | None, folders: Folders | None = None
) -> ThreadCollector | None:
    """Return the collector for a service on Azure. Its segments are uploaded to the container `modeldata`.

    The call writes the settings to a file, and sets the environment variable `SETTINGS_FILE` to its path.

    Returns
    -------
    ThreadCollector or None
        None if the collection is not enabled, or if there is no connection string for a storage account.
    """
    storage = os.environ.get(OWN_STORAGE, "")
    if not storage and os.environ.get(ENABLED, "").lower() != "true":
        return None
    storage = storage or os.environ.get(STORAGE, "")
    if not storage:
        logger.warning("Requests are NOT collected, because %s has no connection string.", STORAGE)
        return None
    folder = Path(tempfile.gettempdir(), "collected")
    place = {
        "folder": str(folder),
        "url": f"az://{CONTAINER}/{os.environ.get(SERVICE, identity['model_name'])}",
        "storage": {"connection_string": storage},
    }
    settings = msgspec.structs.replace(_read_azure_settings(), **place)
    collector = Collector(settings, _identify(identity), schema)
    file = folder / f"settings-{os.getpid()}.json"  # one per worker of the server
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as written:
        written.write(msgspec.json.encode(settings))
    os.environ[SETTINGS_FILE] = str(file)
    if folders:
        folders.metrics.mkdir(parents=True, exist_ok=True, mode=0o700)
    return ThreadCollector(collector, UploaderProcess(file, folders=folders))


def _read_azure_settings() -> Settings:
    if given := os.environ.get(SETTINGS):
        return decode_settings(given.encode())
    return Settings(folder="", max_bytes=AZURE_BYTES, segment_seconds=AZURE_SECONDS)


def _identify(identity: Mapping[str, Any]) -> Identity:
    return Identity(identity["model_name"], str(identity["model_version"]), identity["digest"])
