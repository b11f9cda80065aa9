"""Notes of the champions: blobs in the workspace's default container, outside of the model registry.

Anyone can delete a version in the workspace. Without its note, a deleted champion would look like "no champion yet",
and the next model would be promoted without a comparison.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from mlops.backends.azure.connection.container import open_container
from mlops.backends.azure.connection.session import AzureSession
from mlops.errors import IntegrityError
from mlops.files.records import decode_record


@dataclass(frozen=True)
class Note:
    """The note of a model: the version that was promoted last."""

    version: int


class ChampionNotes:
    """The notes of all models: one blob per model, written after each promotion."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session

    def write(self, name: str, version: int) -> None:
        """Write the note of a model's champion; the caller holds the lock of the model."""
        content = json.dumps(asdict(Note(version))).encode()
        open_container(self._session).upload_blob(_locate(name), content, overwrite=True)

    def require_none(self, name: str, has_versions: Callable[[], bool]) -> None:
        """Check that a model without a champion has never had one.

        `has_versions` returns whether Azure still has a version of the model. It is called only if the champion was
        lost. Older versions of the engine wrote no notes, so the loss of a champion that they promoted is not noticed.

        Raises
        ------
        IntegrityError
            If a version was promoted, and has since been deleted or lost its tag.
        """
        from azure.core.exceptions import ResourceNotFoundError

        try:
            content = open_container(self._session).download_blob(_locate(name)).readall()
        except ResourceNotFoundError:
            return
        advice = "Delete it, and the next promotion writes it again."
        note = decode_record(content, Note, f"The blob {_locate(name)}", advice)
        start = f"the blob {_locate(name)} to promote the next model as the first one."
        if not has_versions():
            raise IntegrityError(
                f"Azure no longer has any version of the model {name!r}, whose champion was version {note.version}. "
                f"Delete {start}"
            )
        raise IntegrityError(
            f"The champion of {name!r}, version {note.version}, was deleted in Azure or lost its tag `champion`. "
            f"Set this tag to 1 on a version of the model, or delete {start}"
        )


def _locate(name: str) -> str:
    return f"mlops/champions/{name}.json"
