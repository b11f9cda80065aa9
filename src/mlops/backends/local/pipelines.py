"""Pipelines of one machine: runs in the background."""

from mlops.workspace import Workspace


class LocalPipelines:
    """Pipelines of one machine: runs in the background."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
