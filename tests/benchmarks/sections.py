"""The sections of the benchmark."""

from collections.abc import Callable
from pathlib import Path

from benchmarks import variants
from benchmarks.default_install import InstallError, find_default_install
from benchmarks.eight import make_project
from benchmarks.goals import compare
from benchmarks.large import measure_large
from benchmarks.measure import interleave, make_row
from benchmarks.memory import measure_memory
from benchmarks.overhead import measure_overhead
from benchmarks.own import measure_nbval, measure_sweep
from benchmarks.pipelines import measure_pipelines
from benchmarks.processes import warm_up
from benchmarks.scoring import measure_scoring
from benchmarks.scratch import Section, make_scratch
from benchmarks.service import measure_service
from benchmarks.start import measure_start


def measure_eight(rounds: int) -> Section:
    """Measure the eight notebooks in every variant. The first round is left out."""
    notes = [
        "the same notebooks everywhere: pandas, scikit-learn, matplotlib; neither scrapbook nor this project in them"
    ]
    try:
        default = find_default_install()
    except InstallError as error:
        default = None
        notes.append(f"{variants.CLI_DEFAULT}: not measured, {error}")
    with make_scratch() as scratch:
        project = make_project(Path(scratch, "project"))
        found = variants.list_variants(project, default)
        warm_up(variants.make_own_environ(project), project)
        interleave(found, 1)
        samples = interleave(found, rounds)
    rows = {label: make_row(label, samples[label]) for label in samples}
    peers = {
        "cli_default": variants.CLI_DEFAULT,
        "cli_own": variants.CLI_OWN,
        "scripts": variants.SCRIPTS,
        "one_process": variants.ONE_PROCESS,
    }
    own = {"warm": rows[variants.MLOPS_WARM], "cold": rows[variants.MLOPS_COLD]}
    figures = [
        figure
        for goal, peer in peers.items()
        if peer in rows
        for parent, row in own.items()
        for figure in compare(goal, parent, row, rows[peer])
    ]
    return Section("Eight notebooks", tuple(rows.values()), tuple(figures), tuple(notes))


def measure_servers(rounds: int) -> Section:
    """Measure the service beside Azure's server, with a script for both, and with pipelines."""
    parts = [measure_scoring(rounds), measure_pipelines(rounds)]
    rows = [row for part in parts for row in part.rows]
    figures = [figure for part in parts for figure in part.figures]
    return Section("Scoring", tuple(rows), tuple(figures), tuple(note for part in parts for note in part.notes))


SECTIONS: dict[str, Callable[[int], Section]] = {
    "eight": measure_eight,
    "overhead": measure_overhead,
    "sweep": measure_sweep,
    "start": measure_start,
    "memory": measure_memory,
    "nbval": measure_nbval,
    "service": measure_service,
    "scoring": measure_servers,
    "large": measure_large,
}
