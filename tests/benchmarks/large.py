"""Data that are larger than the example: the time of a run, the memory of each step, and two anchors on one file.

A wide and a tall file go through `mlops run all`. A taller one goes through the data test alone, beside a polars scan
that computes no more than the profile, and beside pandera, which the data test used before.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from large_problem import copy_large_project, write_rows

from benchmarks.goals import Figure
from benchmarks.measure import Row, Sample, summarize
from benchmarks.peaks import PAUSE, watch_children, watch_kernels
from benchmarks.processes import (
    BIN,
    FOLDER,
    PYTHON,
    keep_parents_apart,
    make_environ,
    measure_commands,
    warm_up,
)
from benchmarks.scratch import Section, make_scratch
from mlops.kernels.running_parents import list_parents

# By the prefix of their goals: rows, columns, and the command that reads them.
SHAPES: dict[str, tuple[int, int, Sequence[str]]] = {
    "tall": (1_000_000, 20, ("run", "all")),
    "wide": (500, 10_000, ("run", "all")),
    "taller": (10_000_000, 11, ("run", "build", "--only", "test_data")),
}
SCAN = """\
import json
import sys
from pathlib import Path
import polars as pl
file, reference = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
terms = []
for name, column in reference.items():
    numbers = pl.col(name)
    terms += [numbers.count(), numbers.mean(), numbers.var(ddof=0), numbers.min(), numbers.max()]
    terms += [(numbers <= edge).sum() for edge in column["edges"]]
numbered = [term.alias(str(place)) for place, term in enumerate(terms)]
pl.scan_parquet(file).select(numbered).collect(engine="streaming")
"""
PANDERA = """\
import sys
import pandas as pd
import pandera.pandas as pa
from progression import problem
frame = pd.read_parquet(sys.argv[1])
columns = {found.name: pa.Column(float, pa.Check.in_range(found.minimum, found.maximum)) for found in problem.columns}
pa.DataFrameSchema(columns, strict=True, unique=list(columns)).validate(frame, lazy=True)
"""
ANCHORS = {"a polars scan of the profile alone": SCAN, "pandera on the same file": PANDERA}
ANCHORED = "taller"  # the shape whose file the anchors read, too
DATA_TEST = "test_data"
NOTHING: Mapping[str, float] = MappingProxyType({})


def measure_large(rounds: int) -> Section:
    """Measure each file once, whatever the number of rounds, because that takes minutes."""
    rows: list[Row] = []
    figures: list[Figure] = []
    with make_scratch() as scratch:
        for shape, (height, width, command) in SHAPES.items():
            folder, size = Path(scratch, shape), f"{height:,} x {width:,}"
            project = copy_large_project(folder, width)
            data = write_rows(folder / "data.parquet", height, width)
            ours, steps = _measure_run(project, folder, data, command)
            peak = max(memory for _, memory in steps.values())
            rows.append(make_row(f"{size}: mlops {' '.join(command)}", ours, peak))
            rows += [_make_step_row(f"{size}: {name}", *found) for name, found in steps.items()]
            figures += [
                Figure(f"{shape}_time", "warm", "wall", steps[DATA_TEST][0] if len(steps) == 1 else ours.wall),
                Figure(f"{shape}_memory", "warm", "PSS", peak),
            ]
            if shape == ANCHORED:
                rows += _measure_anchors(size, project, data, steps[DATA_TEST])
    notes = (
        "one measurement each; MB: the largest memory (PSS) of a step, of which a part is shared with the parent",
        "ratios: time and memory of the data test, divided by those of the anchor, which starts a process of its own",
        "the data test also hashes the file, finds copies of rows, checks the rules, and draws its figures",
    )
    return Section("Large data", tuple(rows), tuple(figures), notes)


def make_row(label: str, sample: Sample, peak: float, others: Mapping[str, float] = NOTHING) -> Row:
    """Return the row of something that was measured once, in seconds and MB."""
    numbers = {"seconds": sample.wall, "CPU seconds": sample.cpu, "MB": peak, **others}
    return Row(label, "", {name: summarize([number]) for name, number in numbers.items()}, 1)


def name_steps(record: Mapping[str, Any], peaks: Sequence[float]) -> dict[str, tuple[float, float]]:
    """Return the seconds and MB of each step that ran, in a run that executes one notebook at a time.

    A kernel that was prepared for a step and then discarded, because the step was skipped, is smaller than all others.
    """
    ran = [step for step in record["steps"] if step["state"] == "done"]
    used = sorted(range(len(peaks)), key=peaks.__getitem__, reverse=True)[: len(ran)]
    return {
        f"{step['name']} {step.get('environment', '')}".strip(): (step["seconds"], peak)
        for step, peak in zip(ran, (peaks[place] for place in sorted(used)), strict=True)
    }


def _make_step_row(label: str, seconds: float, peak: float) -> Row:
    return Row(label, "", {"seconds": summarize([seconds]), "MB": summarize([peak])}, 1)


def _measure_run(
    project: Path, folder: Path, data: Path, command: Sequence[str]
) -> tuple[Sample, dict[str, tuple[float, float]]]:
    """Run a pipeline on a file with a warm parent, and return its time, and the seconds and MB of each step."""
    environ = make_environ(
        MLOPS_HOME=str(folder / "home"), MLOPS_OUTPUTS=str(folder / "outputs"), PYTHONPATH=str(project / "src")
    )
    with keep_parents_apart():
        environ[FOLDER] = os.environ[FOLDER]
        try:
            warm_up(environ, project)
            while not all(parent.ready for parent in list_parents()):
                time.sleep(PAUSE)
            with watch_kernels() as peaks:
                run = (BIN / "mlops", *command, "--jobs", "1", "-p", f"test_data.data_path={data}")
                sample = measure_commands([run], environ, project)
        finally:  # a run that fails may have started services
            measure_commands([(BIN / "mlops", "stop")], environ, project)
    (record,) = (folder / "outputs").glob("*/run.json")
    return sample, name_steps(json.loads(record.read_text(encoding="utf-8")), list(peaks.values()))


def _measure_anchors(size: str, project: Path, data: Path, data_test: tuple[float, float]) -> list[Row]:
    """Measure the anchors on a file, and compare them with the seconds and MB of its data test."""
    seconds, peak = data_test
    rows = []
    for label, code in ANCHORS.items():
        sample, theirs = _measure_anchor(code, project, data)
        ratios = {"time ratio": seconds / sample.wall, "memory ratio": peak / theirs}
        rows.append(make_row(f"{size}: {label}", sample, theirs, ratios))
    return rows


def _measure_anchor(code: str, project: Path, data: Path) -> tuple[Sample, float]:
    environ = make_environ(PYTHONPATH=str(project / "src"))
    reference = project / "src" / "progression" / "reference_profile.json"
    command: Sequence[str | Path] = (PYTHON, "-c", code, data, reference)
    with watch_children() as peaks:
        sample = measure_commands([command], environ, project)
    return sample, max(peaks.values())
