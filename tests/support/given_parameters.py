"""Parameters as a command would load them, from the texts of its ``-p`` options."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from mlops.parameters.merging import Parameters
from mlops.parameters.overrides import read_override
from mlops.parameters.project import Project
from mlops.pipelines import ALL_STEPS, Step
from mlops.workspace import Workspace


def load_project(folder: Path, steps: Sequence[Step] = ALL_STEPS) -> Project:
    """Load the project in a folder, which keeps its state there, too."""
    return Project.load(Workspace(folder, folder / "home", folder / "outputs"), steps)


def load_parameters(
    folder: Path, steps: Sequence[Step] = ALL_STEPS, texts: Iterable[str] = (), platform: str = ""
) -> Parameters:
    """Return the parameters of the project in a folder."""
    return load_project(folder, steps).merge([read_override(text) for text in texts], platform)
