"""The file in which the supervisor records the state of its workers, for other processes to read."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = "workers.json"  # beside the file that `--ready` names


@dataclass(frozen=True)
class Workers:
    """The workers of a service.

    Parameters
    ----------
    running, wanted : int
        The number of workers that answer requests, and the number that should.
    restarts : int
        The number of workers that were restarted since the service was started.
    failing : bool
        Whether dead workers are not replaced for now, because too many have died.
    uploads : int
        The number of times that the uploader was started.
    """

    running: int = 0
    wanted: int = 0
    restarts: int = 0
    failing: bool = False
    uploads: int = 0


def write_workers(folder: Path, workers: Workers) -> None:
    """Record the workers in a folder. The new file replaces the previous one."""
    scratch = folder / f"{NAME}.new"
    with suppress(OSError):  # the disk is full, or the folder was deleted
        scratch.write_text(json.dumps(asdict(workers)))
        scratch.replace(folder / NAME)


def read_workers(folder: Path) -> Workers:
    """Return the workers that the file in a folder records; no workers if the file is missing or damaged."""
    try:
        found = json.loads((folder / NAME).read_text())
        running, wanted, restarts, uploads = (int(found[name]) for name in ("running", "wanted", "restarts", "uploads"))
        return Workers(running, wanted, restarts, bool(found["failing"]), uploads)
    except (OSError, ValueError, KeyError, TypeError):
        return Workers()
