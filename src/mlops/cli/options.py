"""What several commands share: options, exit codes, and the opening of a platform."""

from pathlib import Path

import click

from mlops.backends import list_platforms, open_backend
from mlops.parameters.merging import Parameters
from mlops.parameters.project import Project
from mlops.platform.backend import Backend
from mlops.workspace import Workspace, find_workspace

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130

platform_option = click.option(
    "--platform", default="", metavar="NAME", help=f"Where to: {', '.join(list_platforms())}. [default: as in base.yml]"
)
jobs_option = click.option(
    "--jobs", type=click.IntRange(1), help="How many notebooks may run side by side. [default: one a core]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def open_platform(platform: str) -> tuple[Workspace, Backend, str]:
    """Return the project, the platform that is asked for, and the name of its model."""
    workspace = find_workspace()
    parameters = Project.load(workspace).merge(platform=platform)
    return workspace, open_backend(parameters.platform, workspace), str(parameters.shared["model_name"])


def open_ready(parameters: Parameters, workspace: Workspace) -> Backend:
    """Return the platform, ready for a run: what stands in its way is said before anything runs."""
    backend = open_backend(parameters.platform, workspace)
    if backend.infrastructure:
        backend.infrastructure.require_ready()
    return backend


def name_platform(project: Project, platform: str) -> str:
    """Return the option that a command for a platform needs here, after a space; nothing for the default one."""
    return "" if platform == project.default_platform else f" --platform {platform}"


def shorten_path(path: Path) -> str:
    """Return a path as it is typed from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
