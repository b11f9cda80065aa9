"""The progress of a sweep on the terminal: a line that counts the combinations, and a summary at the end."""

import shlex
import sys
from collections.abc import Sequence
from typing import TextIO

from mlops.cli.progress.line import ProgressLine
from mlops.numbers import format_number
from mlops.record.ledger import RunRecord
from mlops.record.scores import find_unit
from mlops.sweeps.plan import SweepListener
from mlops.sweeps.results import (
    Point,
    Sweep,
    count_failed,
    describe_best,
    describe_values,
    find_best,
    format_value,
    name_next,
    rank_points,
)

SHOWN_POINTS = 10  # maximum number of rows in the summary; the report has all of them


class SweepProgress(SweepListener):
    """A listener that prints how many combinations are finished.

    Parameters
    ----------
    stream : text stream
        The stream to print to; standard error by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._line = ProgressLine(self._stream)
        self._ended = 0
        self._best: Point | None = None

    def sweep_started(self, run: RunRecord, sweep: Sweep) -> None:
        """See `mlops.sweeps.plan.SweepListener`."""
        self._sweep = sweep
        for step in run.steps:
            if step.state == "reused":
                print(f"= {step.name} {step.reason}", file=self._stream)
        self._count()

    def point_ended(self, point: Point) -> None:
        """See `mlops.sweeps.plan.SweepListener`."""
        self._ended += 1
        self._best = find_best(self._sweep, [point] if self._best is None else [self._best, point])
        if point.state == "failed":
            line = f"✗ {describe_values(point.values)}: {point.error.splitlines()[0]}"
            self._line.erase()
            print(line, file=self._stream)
        self._count()

    def sweep_ended(self, run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> None:
        """See `mlops.sweeps.plan.SweepListener`."""
        self._line.erase()
        self._stream.flush()

    def _count(self) -> None:
        ended, planned, best = self._ended, len(self._sweep), self._best
        unit = find_unit(self._sweep.metric, best.results) if best else ""
        score = f"{format_number(best.score)} {unit}".rstrip() if best else ""
        so_far = f", best so far {self._sweep.metric} {score}" if best else ""
        more = f" ({describe_values(best.values)})" if best else ""
        line = f"… {self._sweep.step}: {ended} of {planned} combinations{so_far}{more}"
        if not self._line.draw(line) and (ended % max(1, planned // 10) == 0 or ended == planned):
            print(line, file=self._stream, flush=True)


def summarize_sweep(
    sweep: Sweep, points: Sequence[Point], run_id: str, report: str, program: str, options: str = ""
) -> str:
    """Return the summary of a sweep: its best combinations, and the command that continues with the best one.

    Parameters
    ----------
    sweep, points : Sweep, sequence of Point
        A finished sweep, and its combinations with their results.
    run_id : str
        The id of the sweep's run.
    report : str
        The page that the summary tells the user to open.
    program, options : str
        This program as the user would type it, and the option that selects the platform.
    """
    ranked = rank_points(sweep, points)
    rows = [["", *sweep.axes, sweep.metric]]
    for point in ranked[:SHOWN_POINTS]:
        score = format_number(point.score) if point.score is not None else "failed"
        rows.append(["", *(format_value(point.values[name]) for name in sweep.axes), score])
    best = find_best(sweep, points)
    if best:
        rows[1][0] = "*"
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    table = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if len(ranked) > SHOWN_POINTS:
        table.append(f"   ... and {len(ranked) - SHOWN_POINTS} more in the report")
    failed = count_failed(points)
    lines = [("Best", describe_best(sweep, points))]
    if failed:
        lines.append(("Failed", f"{failed} of {len(points)} combinations; their errors are in the report"))
    if best:
        chosen = " ".join(f"-p {sweep.step}.{name}={_quote(value)}" for name, value in best.values.items())
        if command := name_next(sweep, run_id, program, options):
            lines.append(("Next", command))
        lines.append(("Or run all", f"{program} run all {chosen}{options}"))
    lines.append(("Report", report))
    return "\n".join([*table, "", *(f"{name + ':':<12}{value}" for name, value in lines)])


def _quote(value: object) -> str:
    return shlex.quote(format_value(value))
