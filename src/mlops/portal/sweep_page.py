"""The page of a sweep: the best combination, a plot, and a row for every combination, best first."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from urllib.parse import quote

from mlops.files.atomic import write_atomically
from mlops.numbers import format_number
from mlops.pipelines import SWEEP
from mlops.portal.environments import Overview
from mlops.portal.index import write_index
from mlops.portal.page import render_page
from mlops.portal.report import render_report
from mlops.portal.reporter import warn_unwritten
from mlops.portal.sweep_plot import describe_plot, encode_figure, plot_sweep
from mlops.portal.tables import align_tables
from mlops.record.ledger import RunRecord, StepRecord
from mlops.scraps import name_copy
from mlops.sweeps.plan import SweepListener
from mlops.sweeps.results import (
    Point,
    Sweep,
    describe_best,
    find_best,
    format_value,
    rank_points,
)


class SweepReporter(SweepListener):
    """A listener that writes the page of a sweep, the report of its best notebook, and the index.

    Parameters
    ----------
    outputs, read_overview : Path, callable
        See `mlops.portal.reporter.Reporter`.
    """

    def __init__(self, outputs: Path, read_overview: Callable[[], Overview | None]) -> None:
        self._outputs = outputs
        self._read_overview = read_overview

    def best_offered(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Render the best combination's notebook."""
        notebook = self._outputs / run.run_id / name_copy(step.notebook, step.environment)
        with warn_unwritten(f"the report of {step.name}"):
            return replace(step, report=render_report(notebook, run, step).name)
        return step

    def sweep_ended(self, run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> None:
        """Write the page, and the index of all runs."""
        with warn_unwritten("the page of the sweep"):
            write_page(self._outputs / run.run_id, run, sweep, points)
            write_index(self._outputs, self._read_overview())


def write_page(folder: Path, run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> Path:
    """Write the page of a sweep after its end.

    Parameters
    ----------
    folder : Path
        The folder of the run.
    run, sweep, points : RunRecord, Sweep, sequence of Point
        The sweep and its combinations.

    Returns
    -------
    Path
        The page, "sweep.html".
    """
    title = f"Sweep of {sweep.step} over {', '.join(sweep.axes)}"
    figure = plot_sweep(sweep, points)
    picture = ""
    if figure:
        alt = escape(describe_plot(sweep, points), quote=True)
        picture = f'<div class="jp-RenderedImage"><img src="{encode_figure(figure)}" alt="{alt}"></div>'
    facts = "\n".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in _list_facts(run, sweep, points))
    header = f"""<header class="run"><a href="../index.html">All runs</a>
<dl>
{facts}
</dl></header>
"""
    main = f"""<p>{_render_verdict(run, sweep, points)}</p>
{picture}
<h2>Combinations</h2>
<div class="scroll">{align_tables(_render_table(sweep, points))}</div>"""
    path = folder / "sweep.html"
    write_atomically(path, render_page(title, main, header))
    return path


def _list_facts(run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> Iterator[tuple[str, str]]:
    failed = sum(point.state == "failed" for point in points)
    step = run.step(SWEEP)
    yield "Run", escape(run.run_id)
    yield "Outcome", f'<span class="{run.state}">{run.state}</span>'
    if step and step.error:
        yield "Why", escape(step.error)
    yield "Started", escape(run.started)
    yield "Took", f"{step.seconds if step else 0:,.1f} s, notebooks {sum(point.seconds for point in points):,.1f} s"
    yield (
        "Values",
        " ".join(
            f"<code>{escape(name)}: {escape(', '.join(map(format_value, values)))}</code>"
            for name, values in sweep.axes.items()
        ),
    )
    ended = f"{len(points)}" if len(points) == len(sweep) else f"{len(points)} of {len(sweep)}"
    yield "Combinations", ended + (f', <span class="failed">{failed} failed</span>' if failed else "")


def _render_verdict(run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> str:
    said = f"Best: <strong>{escape(describe_best(sweep, points))}</strong>." if points else "No combination finished."
    offered = run.step(sweep.step)
    if offered and offered.state == "done":
        name = escape(sweep.step)
        link = f'<a href="{quote(offered.report)}">{name}</a>' if offered.report else name
        return f"{said} It is recorded as the step {link} of this run, so the next step uses it."
    return f"{said} It is not offered to the next step, because the sweep did not finish." if points else said


def _render_table(sweep: Sweep, points: Sequence[Point]) -> str:
    others = _list_results(sweep, points)
    heads = ["", *sweep.axes, sweep.metric, *others, "seconds", "notebook"]
    best = find_best(sweep, points)
    rows = "\n".join(_render_point(sweep, point, others, point is best) for point in rank_points(sweep, points))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    empty = f'<tr><td colspan="{len(heads)}">None finished.</td></tr>'
    return f"""<table class="sweep">
<caption>Best first, by {escape(sweep.metric)} ({"higher" if sweep.maximize else "lower"} is better).</caption>
<thead><tr>{head}</tr></thead>
<tbody>
{rows or empty}
</tbody>
</table>"""


def _list_results(sweep: Sweep, points: Sequence[Point]) -> list[str]:
    """Return the names of the numbers, besides the metric, that differ between the combinations."""
    found: dict[str, set[float]] = {}
    for point in points:
        for name, value in point.results.items():
            if isinstance(value, float) and name not in sweep.axes and name != sweep.metric:
                found.setdefault(name, set()).add(value)
    return [name for name, values in found.items() if len(values) > 1]


def _render_point(sweep: Sweep, point: Point, others: Sequence[str], best: bool) -> str:
    mark = '<strong class="done">best</strong>' if best else ""
    values = "".join(f"<td>{escape(format_value(point.values[name]))}</td>" for name in sweep.axes)
    if point.state == "failed":
        error = escape(point.error)
        said = f'<span class="failed">failed</span> <small>{error}</small>'
        numbers = f'<td colspan="{1 + len(others)}" class="error">{said}</td>'
    else:
        numbers = "".join(
            f"<td>{format_number(value)}</td>" for value in (point.score, *(point.results.get(name) for name in others))
        )
    link = f'<td class="file"><a href="{quote(point.file)}">{escape(point.file)}</a></td>'
    return f"<tr><td>{mark}</td>{values}{numbers}<td>{point.seconds:,.1f}</td>{link}</tr>"
