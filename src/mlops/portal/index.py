"""The index, ``outputs/index.html``: the services of the environments, and all runs."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from mlops.files.atomic import write_atomically
from mlops.numbers import format_number
from mlops.pipelines import SWEEP
from mlops.portal.environments import Overview, format_time, render_overview
from mlops.portal.page import mark_code, mark_unit, render_page
from mlops.portal.refusals import describe_failed_test
from mlops.record.changes import list_changes, measure_duration
from mlops.record.ledger import RunRecord, StepRecord, list_runs
from mlops.record.scores import find_metrics, find_units
from mlops.record.steps import INTERRUPTED
from mlops.record.summary import (
    OVERRULED,
    describe_failure,
    describe_outcome,
    find_model,
    find_override,
    name_end,
)

COLUMNS = {  # the columns, with the class of their cells
    "Status": "status",
    "Parameters that differ": "changes",
    "Steps": "steps",
    "Model": "model",
    "Metrics": "metrics",
    "Duration": "number",
}
GOOD = ("promoted", "released", "done")
ICONS = {
    **dict.fromkeys(GOOD, "✓"),
    "rejected": "–",
    "rolled back": "↺",
    "interrupted": "■",
    "running": "…",
    "waiting": "…",
}
BAD = "✗"
CAPTION = (
    "Newest first. A run is compared with the last successful run of the same pipeline. A run of only one step is "
    "compared with the last run of only that step. A step's name opens its report, or the page of its sweep. Metrics "
    "are those of the model that the run trained or, for a sweep, those of the best combination."
)


def write_index(outputs: Path, overview: Overview | None) -> Path:
    """Write the index of all runs.

    Parameters
    ----------
    outputs : Path
        The folder that holds the folders of all runs.
    overview : Overview or None
        The services of the environments. None to leave out this part.

    Returns
    -------
    Path
        The path of the index.
    """
    runs = list_runs(outputs)
    rows = "\n".join(_render_run(run, runs[place + 1 :], outputs / run.run_id) for place, run in enumerate(runs))
    body = rows or f'<tr><td colspan="{len(COLUMNS) + 1}">No runs yet.</td></tr>'
    heads = "".join(f'<th scope="col" class="{kind}">{name}</th>' for name, kind in COLUMNS.items())
    top = render_overview(overview, runs) if overview else ""
    main = f"""{top}<h2>Runs</h2>
<p class="note" id="about-runs">{CAPTION}</p>
<div class="scroll"><table class="runs" aria-describedby="about-runs">
<thead><tr><th scope="col">Run</th>{heads}</tr></thead>
<tbody>
{body}
</tbody>
</table></div>"""
    path = outputs / "index.html"
    write_atomically(path, render_page("Models and runs", main))
    return path


def _render_run(run: RunRecord, older: Sequence[RunRecord], folder: Path) -> str:
    model = find_model(run)
    mark = f" <small>({OVERRULED})</small>" if model and find_override(run) else ""
    changes = "<br>".join(map(escape, _list_swept_values(run) or list_changes(run, older)))
    values = (
        _render_status(run),
        f"<small>{changes}</small>" if changes else "",
        _render_steps(run, folder),
        escape(model) + mark,
        _render_metrics(run),
        measure_duration(run),
    )
    shown = "".join(
        f'<td class="{kind}{"" if value else " empty"}" data-label="{name}">{value or "–"}</td>'
        for (name, kind), value in zip(COLUMNS.items(), values, strict=True)
    )
    time = f'<time datetime="{escape(run.started)}">{escape(format_time(run.started))}</time>'
    return f'<tr><th scope="row">{time}<br><small>{escape(run.run_id)}</small></th>{shown}</tr>'


def _render_metrics(run: RunRecord) -> str:
    # Not one column for each metric, because the runs of several problems would have mostly empty columns.
    units = find_units(run)
    rows = (
        f"<dt>{mark_unit(name, units.get(name, ''))}</dt><dd>{format_number(value)}</dd>"
        for name, value in find_metrics(run).items()
    )
    return f"<dl>{shown}</dl>" if (shown := "".join(rows)) else ""


def _list_swept_values(run: RunRecord) -> list[str]:
    tried = run.step(SWEEP) if run.pipeline == SWEEP else None
    if tried is None:
        return []
    from mlops.sweeps.results import format_value  # imported late, because few runs are sweeps

    axes = tried.parameters.items()
    return [f"{run.steps[-1].name}.{name} {', '.join(map(format_value, values))}" for name, values in axes]


def _render_status(run: RunRecord) -> str:
    ending, why = run.ending, _explain_ending(run)
    word = f'<span class="{escape(ending.replace(" ", "-"))}">{ICONS.get(ending, BAD)} {escape(ending)}</span>'
    return f"{word}<br><small>{mark_code(why)}</small>" if why else word


def _explain_ending(run: RunRecord) -> str:
    if run.state == INTERRUPTED:
        return f"during {run.failure.step}" if run.failure and run.failure.step else ""
    failed = next((step for step in run.steps if step.state == "failed"), None)
    if failed and (told := describe_failed_test(run, failed)):
        said = told[0].replace("The ", "the ", 1) if told[0].startswith("The ") else told[0]
        return "\n".join([f"{failed.name}: {said}", *told[1:]])
    said = _take_first_line(describe_failure(run)) if run.outcome == "error" else describe_outcome(run)
    return said.replace("the ", "The ", 1) if said.startswith("the ") else said


def _take_first_line(error: str) -> str:
    first, *rest = error.splitlines() or [""]
    return f"{first} {rest[0].strip()}" if first.endswith(":") and rest else first


def _render_steps(run: RunRecord, folder: Path) -> str:
    shown = ", ".join(_render_step(run, step, folder) for step in run.steps if step.state not in ("pending", "skipped"))
    skipped = sum(step.state == "skipped" for step in run.steps)
    return shown + (f"<br><small>{skipped} skipped</small>" if skipped else "")


def _render_step(run: RunRecord, step: StepRecord, folder: Path) -> str:
    end = name_end(step)
    title = escape(step.error or step.reason or end, quote=True)
    name = escape(step.name)
    if step.report and (folder / step.report).is_file():
        name = f'<a href="{escape(f"{run.run_id}/{step.report}", quote=True)}">{name}</a>'
    mark = f' <span class="{end}">({end})</span>' if end != "done" else ""
    return f'<span title="{title}">{name}{mark}</span>'
