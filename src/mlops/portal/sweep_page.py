"""The page of a sweep: the best combination, a plot, and a table of all combinations with the best one first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from urllib.parse import quote

from mlops.files.atomic import write_atomically
from mlops.numbers import format_number
from mlops.pipelines import ALL_STEPS, SWEEP
from mlops.portal.environments import Overview, format_time
from mlops.portal.index import BAD, ICONS, write_index
from mlops.portal.page import mark_unit, render_page
from mlops.portal.report import render_report
from mlops.portal.reporter import warn_unwritten
from mlops.portal.sweep_plot import describe_plot, encode_figure, plot_sweep
from mlops.portal.tables import align_tables
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.scores import find_unit
from mlops.scraps import name_copy
from mlops.sweeps.plan import SweepListener
from mlops.sweeps.results import (
    Point,
    Sweep,
    count_failed,
    describe_best,
    find_best,
    format_value,
    name_next,
    rank_points,
)


class SweepReporter(SweepListener):
    """A listener that writes the page of a sweep, the report of its best combination, and the index.

    Parameters
    ----------
    outputs, read_overview : Path, callable
        See `mlops.portal.reporter.Reporter`.
    command_options : str
        The option that selects the platform, for suggested commands, such as " --platform azure", or empty.
    """

    def __init__(self, outputs: Path, read_overview: Callable[[], Overview | None], command_options: str = "") -> None:
        self._outputs = outputs
        self._command_options = command_options
        self._read_overview = read_overview

    def best_offered(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Write the report of the best combination's notebook, and return the step with the report's name added."""
        notebook = self._outputs / run.run_id / name_copy(step.notebook, step.environment)
        with warn_unwritten(f"the report of {step.name}"):
            return replace(step, report=render_report(notebook, run, step).name)
        return step

    def sweep_ended(self, run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> None:
        """Write the page of the sweep, and the index of all runs."""
        with warn_unwritten("the page of the sweep"):
            write_page(self._outputs / run.run_id, run, sweep, points, self._command_options)
            write_index(self._outputs, self._read_overview())


def write_page(folder: Path, run: RunRecord, sweep: Sweep, points: Sequence[Point], command_options: str = "") -> Path:
    """Write the page of a sweep that ended.

    Parameters
    ----------
    folder : Path
        The folder of the run.
    run, sweep, points : RunRecord, Sweep, sequence of Point
        The record of the sweep, the sweep itself, and the combinations that ended.
    command_options : str
        See `SweepReporter`.

    Returns
    -------
    Path
        The path of the page, "sweep.html".
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
    kind, verdict = _find_css_class_and_text(run, sweep, points)
    main = f"""<p class="verdict {kind}">{escape(verdict)}</p>
{_render_next_command(run, sweep, points, command_options)}
{picture}
<h2>Combinations</h2>
{_say_what_is_kept(run, sweep, points)}
<div class="scroll">{align_tables(_render_table(run, sweep, points))}</div>"""
    path = folder / "sweep.html"
    write_atomically(path, render_page(title, main, header))
    return path


def _list_facts(run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> Iterator[tuple[str, str]]:
    failed, step = count_failed(points), run.step(SWEEP)
    yield "Run", escape(run.run_id)
    yield "Outcome", f'<span class="{run.ending}">{run.ending}</span>'
    if step and step.error:
        yield "Why", escape(step.error)
    yield "Started", f'<time datetime="{escape(run.started)}">{escape(format_time(run.started))}</time>'
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


def _find_css_class_and_text(run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> tuple[str, str]:
    if find_best(sweep, points) is None:
        return "failed", "✗ Every combination failed." if points else "✗ No combination finished."
    best = describe_best(sweep, points).removesuffix(".")
    if not _is_offered(run, sweep):
        return run.ending, f"{ICONS.get(run.ending, BAD)} Best so far: {best}."
    failed = count_failed(points)
    if failed:
        return "failed", f"✗ Best: {best}. {failed} of {len(points)} combinations failed."
    return "done", f"✓ Best: {best}."


def _render_next_command(run: RunRecord, sweep: Sweep, points: Sequence[Point], command_options: str) -> str:
    if not _is_offered(run, sweep):
        why = "failed" if run.state == "failed" else "did not finish"
        return f"<p>The next step cannot use this combination, because the sweep {why}.</p>" if points else ""
    command = name_next(sweep, run.run_id, options=command_options)
    return f"<p>The next step uses this combination if you run <code>{escape(command)}</code>.</p>" if command else ""


def _is_offered(run: RunRecord, sweep: Sweep) -> bool:
    offered = run.step(sweep.step)
    return offered is not None and offered.state == "done"


def _render_table(run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> str:
    others = _list_varying_results(sweep, points)
    best = find_best(sweep, points)
    metrics = [mark_unit(name, find_unit(name, best.results) if best else "") for name in (sweep.metric, *others)]
    report, trainings = _find_report(run, sweep), _find_training_ids(sweep, points)
    heads = ["", *map(escape, sweep.axes), *metrics, "seconds", "details", *(["training"] if trainings else [])]
    rows = "\n".join(
        _render_point(sweep, point, others, point is best, report if point is best else "", trainings)
        for point in rank_points(sweep, points)
    )
    row = "".join(f'<th scope="col">{head}</th>' for head in heads)
    empty = f'<tr><td colspan="{len(heads)}">None finished.</td></tr>'
    return f"""<table class="sweep">
<caption>Best first, by {escape(sweep.metric)} ({"higher" if sweep.maximize else "lower"} is better).</caption>
<thead><tr>{row}</tr></thead>
<tbody>
{rows or empty}
</tbody>
</table>"""


def _list_varying_results(sweep: Sweep, points: Sequence[Point]) -> list[str]:
    found: dict[str, set[float]] = {}
    for point in points:
        for name, value in point.results.items():
            if isinstance(value, float) and name not in sweep.axes and name != sweep.metric:
                found.setdefault(name, set()).add(value)
    return [name for name, values in found.items() if len(values) > 1]


def _find_training_ids(sweep: Sweep, points: Sequence[Point]) -> dict[int, str]:
    trains = next((step.trains for step in ALL_STEPS if step.name == sweep.step and step.trains), None)
    return {point.number: str(point.results[trains.run]) for point in points if trains and trains.run in point.results}


def _find_report(run: RunRecord, sweep: Sweep) -> str:
    offered = run.step(sweep.step)
    return offered.report if offered else ""


def _say_what_is_kept(run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> str:
    said = "The executed notebooks of all combinations are kept beside this page. Open them in JupyterLab."
    reported = " Only the best combination also has a report." if _find_report(run, sweep) else ""
    tracked = " The tracking server lists each training under its id." if _find_training_ids(sweep, points) else ""
    return f"<p>{said}{reported}{tracked}</p>" if points else ""


def _render_point(
    sweep: Sweep, point: Point, others: Sequence[str], best: bool, report: str, trainings: Mapping[int, str]
) -> str:
    mark = '<strong class="done">best</strong>' if best else ""
    values = "".join(f"<td>{escape(format_value(point.values[name]))}</td>" for name in sweep.axes)
    if point.state == "failed":
        error = escape(point.error)
        said = f'<span class="failed">failed</span> <small>{error}</small>'
        numbers = f'<td colspan="{1 + len(others)}" class="error">{said}</td>'
    else:
        numbers = "".join(
            f"<td>{escape(format_number(value))}</td>"
            for value in (point.score, *(point.results.get(name) for name in others))
        )
    files = {"report": report, "notebook": point.file}
    links = ", ".join(f'<a href="{quote(file)}">{title}</a>' for title, file in files.items() if file)
    training = f"<td><code>{escape(trainings.get(point.number, '–'))}</code></td>" if trainings else ""
    return (
        f'<tr><td>{mark}</td>{values}{numbers}<td>{point.seconds:,.1f}</td><td class="file">{links}</td>{training}</tr>'
    )
