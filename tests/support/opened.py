"""The project, opened on a platform with a state of its own."""

from collections.abc import Sequence
from dataclasses import replace

from mlops.operations.opening import OpenProject, open_project
from mlops.parameters.declarations import Setting
from mlops.parameters.overrides import read_override
from mlops.parameters.project import Project
from mlops.platform.backend import Backend
from mlops.workspace import Workspace


def open_model(workspace: Workspace, name: str, backend: Backend) -> OpenProject:
    """Open a project on a platform, with this name of the model."""
    project = Project.load(workspace)
    shared = {**project.base.shared, "model_name": Setting(name, "base.yml")}
    opened = open_project(replace(project, base=replace(project.base, shared=shared)), (), "local")
    return replace(opened, backend=backend)


def open_here(workspace: Workspace, *texts: str, command: Sequence[str] = ()) -> OpenProject:
    """Open a project with the values of ``-p`` options."""
    return open_project(Project.load(workspace), [read_override(text) for text in texts], "local", command)
