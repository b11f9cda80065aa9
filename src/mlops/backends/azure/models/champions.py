"""Notes that record the champion of each model outside of the model registry, as blobs in the default container."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

from mlops.backends.azure.connection.container import open_container
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.services.state import StateBlob
from mlops.errors import IntegrityError
from mlops.files.records import decode_record
from mlops.platform.services import ENVIRONMENTS, name_model


@dataclass(frozen=True)
class Note:
    """The last promoted version of a model. Version 0 stands for a model without a champion."""

    version: int


# Without a note, a model whose champion was deleted in the workspace would look like a model that never had one, and
# its next version would be promoted without a comparison.
class ChampionNotes:
    """The notes that record the champion of each model."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session

    def write(self, name: str, version: int, *, overwrite: bool = True) -> None:
        """Record the champion of a model. If `overwrite` is false, an existing record is kept.

        The caller must hold the lock of the model.
        """
        from azure.core.exceptions import ResourceExistsError

        content = json.dumps(asdict(Note(version))).encode()
        with suppress(ResourceExistsError):
            open_container(self._session).upload_blob(_locate(name), content, overwrite=overwrite)

    def require_none(self, name: str, has_versions: Callable[[], bool]) -> None:
        """Check that a model without a champion has never had one.

        `has_versions` returns whether the model registry still has a version of the model.

        Raises
        ------
        IntegrityError
            If a version was the champion, but has since been deleted or has lost its tag `champion`.
        """
        note = self._read(name)
        deployed = self._describe_deployed_version(name) if note is None else ""
        if not deployed and (note is None or note.version == 0):
            return
        start = f'write {{"version": 0}} to the blob {_locate(name)}'
        if not has_versions():
            known = deployed and f"although {deployed}"
            known = known or (f"whose champion was version {note.version}" if note else "")
            raise IntegrityError(
                f"Azure no longer has any version of the model {name!r}, {known}. To promote the next model "
                f"without a comparison, {start}."
            )
        lost = f"No version of {name!r} has the tag `champion`, although {deployed}"
        if note:
            lost = f"The champion of {name!r}, version {note.version}, was deleted in Azure or lost its tag `champion`"
        raise IntegrityError(
            f"{lost}. Set this tag to 1 on a version of the model, or {start} to promote the next model without a "
            "comparison."
        )

    def _read(self, name: str) -> Note | None:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            content = open_container(self._session).download_blob(_locate(name)).readall()
        except ResourceNotFoundError:
            return None
        advice = "Delete it, and the next promotion writes it again."
        return decode_record(content, Note, f"The blob {_locate(name)}", advice)

    def _describe_deployed_version(self, name: str) -> str:
        # Images are created only from promoted versions, so a deployment shows that the model had a champion.
        for environment in reversed(ENVIRONMENTS):
            with suppress(IntegrityError):  # `mlops status` reports a damaged environment
                current = StateBlob(self._session, environment).read().current
                if current and name_model(current.image) == name:
                    return f"version {current.model_version} was deployed in {environment}"
        return ""


def _locate(name: str) -> str:
    return f"mlops/champions/{name}.json"
