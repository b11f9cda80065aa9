"""The start of commands that run no notebook: their time with and without a parent, and the time of their imports."""

import functools
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.goals import Figure
from benchmarks.measure import Row, interleave, make_row, summarize
from benchmarks.own import make_own_project
from benchmarks.processes import BIN, PYTHON, measure_cold, measure_commands, warm_up
from benchmarks.scratch import Section, make_scratch

MLOPS = BIN / "mlops"
MISTAKE = "mlops run retrain -p train.alhpa=1"
# By their goal. An unknown command and a mistake end with 2, which is right here.
COMMANDS: dict[str, tuple[str, Sequence[str | Path]]] = {
    "status": ("mlops status", (MLOPS, "status")),
    "runs": ("mlops runs", (MLOPS, "runs")),
    "unchanged": ("mlops run retrain, unchanged", (MLOPS, "run", "retrain")),
    "help": ("mlops --help", (MLOPS, "--help")),
    "unknown": ("mlops stauts", ("sh", "-c", '"$0" stauts; test $? = 2', MLOPS)),
    "mistake": (MISTAKE, ("sh", "-c", f'"$0" {MISTAKE.removeprefix("mlops ")}; test $? = 2', MLOPS)),
}
PEERS: dict[str, Sequence[str | Path]] = {
    "python -c pass": (PYTHON, "-c", "pass"),
    'python -c "import pandas, sklearn"': (PYTHON, "-c", "import pandas, sklearn"),
    'python -c "import mlflow"': (PYTHON, "-c", "import mlflow"),
    "papermill --version": (BIN / "papermill", "--version"),
}
PROBLEM = ("import progression", ("-c", "import progression"))  # every command imports the declaration of the problem
IMPORTED = ("status", "runs", "unchanged", "help")  # -X importtime is an option of the interpreter, not of a shell


def measure_start(rounds: int) -> Section:
    """Measure commands on a home with a champion, after a retraining in which nothing has changed."""
    with make_scratch() as scratch:
        project, environ = make_own_project(Path(scratch))
        warm_up(environ, project)
        for _ in range(3):  # it promotes a model, compares its model with that champion, and reuses everything
            measure_commands([COMMANDS["unchanged"][1]], environ, project)
        bind = functools.partial
        found = {f"{name}, warm parent": bind(measure_commands, [c], environ, project) for name, c in COMMANDS.values()}
        found |= {f"{name}, no parent": bind(measure_cold, [c], environ, project) for name, c in COMMANDS.values()}
        found |= {name: bind(measure_commands, [command], environ, project) for name, command in PEERS.items()}
        samples = interleave(found, rounds)
        measured = (PROBLEM, *(COMMANDS[goal] for goal in IMPORTED))
        imports = [_measure_imports(*command, environ, project, rounds) for command in measured]
    rows = {label: make_row(label, taken) for label, taken in samples.items()}
    figures = [
        Figure(goal, "no", "wall", rows[f"{name}, no parent"].columns["wall"].median)
        for goal, (name, _) in COMMANDS.items()
    ]
    notes = (
        "third run and later: every step but those with effects (register, create_image) is reused or skipped",
        "no parent: the CPU time of `mlops run` has all of the parent's start, which continues in the background",
        "imports: the sum that `python -X importtime` reports, in a process of its own, with bytecode",
    )
    return Section("Start of commands", (*rows.values(), *imports), tuple(figures), notes)


def _measure_imports(
    name: str, command: Sequence[str | Path], environ: Mapping[str, str], project: Path, rounds: int
) -> Row:
    """Return the row with the time that the imports of a command take."""
    alone = {**environ, "MLOPS_WARM_KERNELS": "0"}
    totals, modules = [], 0
    for _ in range(rounds):
        ran = subprocess.run(
            [PYTHON, "-X", "importtime", *command], cwd=project, env=alone, capture_output=True, text=True, check=True
        )
        taken = read_importtime(ran.stderr)
        totals.append(sum(taken.values()) / 1e3)
        modules = len(taken)
    return Row(f"{name}, imports", "ms", {"imports": summarize(totals)}, rounds, f"{modules} modules")


def read_importtime(text: str) -> dict[str, int]:
    """Return the time that each module took by itself, in microseconds, from what ``-X importtime`` printed."""
    lines = [line.removeprefix("import time:").split("|") for line in text.splitlines() if "import time:" in line]
    return {name.strip(): int(own) for own, _, name in lines if own.strip().isdigit()}
