"""The project's own notebooks: a sweep in a copy that solves a problem of the tests, and notebook regression."""

import functools
import itertools
from collections.abc import Callable
from pathlib import Path

from other_project import copy_project

from benchmarks.goals import compare
from benchmarks.measure import Sample, interleave, make_row
from benchmarks.processes import BIN, PROJECT, PYTHON, make_environ, measure_cold, measure_commands, warm_up
from benchmarks.scratch import Section, make_scratch

POINTS = 100
PEER_CALLS = 2  # a round
NBVAL = "--nbval-lax --nbval-sanitize-with notebooks/sanitize.cfg -p no:cacheprovider -q".split()


def measure_sweep(rounds: int) -> Section:
    """Measure a hundred trainings with `mlops sweep`, and some of the same trainings with papermill's command line."""
    values = itertools.count(1)

    def sweep(measure: Callable[..., Sample]) -> Sample:
        alphas = ",".join(f"{next(values) / 1000:g}" for _ in range(POINTS))
        return measure([(BIN / "mlops", "sweep", "train", "-p", f"alpha={alphas}")], environ, project)

    def call_papermill(environ: dict[str, str]) -> Sample:
        output = Path(scratch, "papermill.ipynb")
        commands = [
            (BIN / "papermill", "notebooks/02_train.ipynb", output, "-p", "alpha", f"{next(values) / 1000:g}")
            for _ in range(PEER_CALLS)
        ]
        return measure_commands(commands, environ, project) * (POINTS / PEER_CALLS)

    with make_scratch() as scratch:
        project, environ = make_own_project(Path(scratch))
        theirs = {**environ, "MLOPS_HOME": str(Path(scratch, "theirs"))}
        warm_up(environ, project)
        test = (BIN / "papermill", "notebooks/01_test_data.ipynb", Path(scratch, "papermill.ipynb"))
        measure_commands([test], theirs, project)
        measure_commands([(BIN / "mlops", "run", "build")], environ, project)
        samples = interleave(
            {
                "mlops sweep, warm parent": functools.partial(sweep, measure_commands),
                "mlops sweep, cold parent": functools.partial(sweep, measure_cold),
                "papermill CLI": functools.partial(call_papermill, {**theirs, "MLOPS_WARM_KERNELS": "0"}),
                "papermill CLI, warm kernels": functools.partial(call_papermill, theirs),
            },
            rounds,
        )
    rows = {label: make_row(label, found) for label, found in samples.items()}
    peer = rows["papermill CLI"]
    figures = [
        f for parent in ("warm", "cold") for f in compare("sweep", parent, rows[f"mlops sweep, {parent} parent"], peer)
    ]
    notes = (
        f"{POINTS} values of alpha through 02_train; papermill's {PEER_CALLS} calls a round are scaled to {POINTS}",
    )
    return Section("Sweep of 100 points", tuple(rows.values()), tuple(figures), notes)


def measure_nbval(rounds: int) -> Section:
    """Measure notebook regression as `make nbval` runs it, without a running parent of warm kernels."""
    command = [(PYTHON, "-m", "pytest", *NBVAL, "notebooks")]
    environ = make_environ()
    samples = interleave(
        {
            "nbval, warm kernels": functools.partial(measure_cold, command, environ, PROJECT),
            "nbval, fresh kernels": functools.partial(
                measure_commands, command, {**environ, "MLOPS_WARM_KERNELS": "0"}, PROJECT
            ),
        },
        rounds,
    )
    rows = {label: make_row(label, found) for label, found in samples.items()}
    figures = compare("nbval", "cold", rows["nbval, warm kernels"], rows["nbval, fresh kernels"])
    return Section("Notebook regression", tuple(rows.values()), tuple(figures), ("the notebooks of this project",))


def make_own_project(folder: Path) -> tuple[Path, dict[str, str]]:
    """Copy the project with a problem of the tests, because the checkout may solve any problem.

    Returns
    -------
    tuple of (Path, dict)
        The copy, and the environment for its commands, with a home beside the copy.
    """
    workspace = copy_project(folder, "progression").workspace
    home, outputs = str(workspace.home), str(workspace.outputs)
    packages = str(workspace.project / "src")
    return workspace.project, make_environ(MLOPS_HOME=home, MLOPS_OUTPUTS=outputs, PYTHONPATH=packages)
