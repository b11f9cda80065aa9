"""The project, opened on the local platform with a state of its own."""

from collections.abc import Sequence

from mlops.operations.opening import OpenProject, open_project
from mlops.parameters.overrides import read_override
from mlops.parameters.project import Project
from mlops.workspace import Workspace


def open_here(workspace: Workspace, *texts: str, command: Sequence[str] = ()) -> OpenProject:
    """Open a project with what its ``-p`` options give."""
    return open_project(Project.load(workspace), [read_override(text) for text in texts], "local", command)
