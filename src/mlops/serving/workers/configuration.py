"""The keys and the settings of the collection that a service gets when it starts."""

# The supervisor reads them once. The files change before the next service starts, and that may fail: a worker that
# then read them would have keys that clients do not know, or settings that do not fit its model.

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from ..connections.board import make_file


@dataclass(frozen=True)
class Configuration:
    """The keys and settings of a service when it starts.

    Parameters
    ----------
    keys : list of str
        The keys that the service accepts.
    collection : str
        The settings of the collection as JSON; empty if nothing is collected.
    """

    keys: list[str]
    collection: str

    def store(self) -> int:
        """Return the descriptor of a file without a path, which `load_configuration` reads."""
        descriptor = make_file("configuration")
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(json.dumps(asdict(self)).encode())
        return descriptor


def read_configuration(keys: Path, collection: Path | None) -> Configuration:
    """Return the content of the file with the keys, and of the file with the settings, if there is one."""
    return Configuration([*json.loads(keys.read_text()).values()], collection.read_text() if collection else "")


def load_configuration(descriptor: int) -> Configuration:
    """Return the keys and settings in the file that `Configuration.store` has made."""
    return Configuration(**json.loads(os.pread(descriptor, os.fstat(descriptor).st_size, 0)))
