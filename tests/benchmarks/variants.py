"""The ways to run the eight notebooks."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.measure import Sample
from benchmarks.notebooks import EIGHT
from benchmarks.processes import BIN, PYTHON, make_environ, measure_cold, measure_commands

RUN = (BIN / "mlops", "run", "eight", "--force")
LOOP = """\
from pathlib import Path
from papermill import execute_notebook
for path in sorted(Path("notebooks").glob("*.ipynb")):
    execute_notebook(path, Path("papermill", path.name), parameters={"folder": "state"}, progress_bar=False)
"""
Command = Sequence[str | Path]

MLOPS_WARM = "mlops run, warm parent"
MLOPS_COLD = "mlops run, cold parent (its start included)"
MLOPS_FRESH = "mlops run, fresh kernels"
CLI_DEFAULT = "papermill CLI x 8, default pip install"
CLI_OWN = "papermill CLI x 8, this environment"
CLI_WARM = "papermill CLI x 8, this environment, warm kernels"
API_OWN = "papermill API, this environment"
SCRIPTS = "plain scripts, python x 8"
ONE_PROCESS = "one cold process"


def list_variants(project: Path, default: Path | None) -> dict[str, Callable[[], Sample]]:
    """Return the functions that run the eight notebooks once, by label.

    Parameters
    ----------
    project : Path
        The folder that `make_project` returned.
    default : Path, optional
        The folder of programs of the default installation; None if there is no such installation.
    """
    own = make_own_environ(project)
    fresh = {**own, "MLOPS_WARM_KERNELS": "0"}
    scripts = [[PYTHON, Path("scripts", f"{name}.py")] for name in EIGHT]

    def bind(
        measure: Callable[..., Sample], commands: Sequence[Command], environ: Mapping[str, str]
    ) -> Callable[[], Sample]:
        return functools.partial(measure, commands, environ, project)

    found = {
        MLOPS_WARM: bind(measure_commands, [RUN], own),
        MLOPS_COLD: bind(measure_cold, [RUN], own),
        MLOPS_FRESH: bind(measure_commands, [RUN], fresh),
        CLI_OWN: bind(measure_commands, list_papermill(BIN), fresh),
        CLI_WARM: bind(measure_commands, list_papermill(BIN), own),
        API_OWN: bind(measure_commands, [[PYTHON, "-c", LOOP]], fresh),
        SCRIPTS: bind(measure_commands, scripts, fresh),
        ONE_PROCESS: bind(measure_commands, [[PYTHON, "together.py"]], fresh),
    }
    if default:
        plain = {name: value for name, value in fresh.items() if name != "PYTHONPATH"}
        found[CLI_DEFAULT] = bind(measure_commands, list_papermill(default), plain)
    return found


def make_own_environ(project: Path) -> dict[str, str]:
    """Return the environment in which `mlops` runs the project with the project's copy of the engine."""
    state = {"MLOPS_HOME": str(project / "home"), "MLOPS_OUTPUTS": str(project / "outputs")}
    return make_environ(**state, PYTHONPATH=str(project / "src"))


def list_papermill(programs: Path) -> list[Command]:
    """Return the calls of papermill's command line."""
    options = ("-p", "folder", "state")
    return [(programs / "papermill", f"notebooks/{name}.ipynb", f"papermill/{name}.ipynb", *options) for name in EIGHT]
