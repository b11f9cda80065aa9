"""The set-up of one machine: MLOPS_HOME."""

from mlops.workspace import Workspace


class LocalInfrastructure:
    """The set-up of one machine: MLOPS_HOME."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
