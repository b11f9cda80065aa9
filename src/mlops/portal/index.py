"""The index of all runs: ``outputs/index.html``."""

from html import escape
from pathlib import Path

from mlops.files import write_atomically
from mlops.notebook.numbers import format_number
from mlops.portal.page import render_page
from mlops.record.ledger import RunRecord, StepRecord, list_runs
from mlops.record.summary import find_metrics, find_model, find_reason, list_metrics

METRICS = list_metrics()
COLUMNS = ("Started (UTC)", "Run", "Outcome", "Steps", "Model", *METRICS)


def write_index(outputs: Path) -> Path:
    """Write the index of all runs.

    Parameters
    ----------
    outputs : Path
        Holds one folder a run.

    Returns
    -------
    Path
        The index.
    """
    rows = "\n".join(_render_run(run, outputs / run.run_id) for run in list_runs(outputs))
    body = (
        f"<tbody>\n{rows}\n</tbody>"
        if rows
        else f'<tbody><tr><td colspan="{len(COLUMNS)}">No runs yet.</td></tr></tbody>'
    )
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in COLUMNS)
    main = f"""<div class="scroll"><table class="runs">
<caption>Newest first. A step's name opens its report.</caption>
<thead><tr>{heads}</tr></thead>
{body}
</table></div>"""
    path = outputs / "index.html"
    write_atomically(path, render_page("Runs", main))
    return path


def _render_run(run: RunRecord, folder: Path) -> str:
    outcome = run.outcome or run.state
    why = find_reason(run) if outcome in ("promoted", "rejected", "rolled back") else _find_error(run)
    model = find_model(run)
    steps = ", ".join(_render_step(run, step, folder) for step in run.steps if step.state not in ("pending", "skipped"))
    skipped = sum(step.state == "skipped" for step in run.steps)
    steps += f"<br><small>{skipped} skipped</small>" if skipped else ""
    metrics = find_metrics(run)
    numbers = "".join(f'<td class="number">{format_number(metrics.get(name))}</td>' for name in METRICS)
    shown = escape(model) if model else "–"
    started = run.started.removesuffix("Z").replace("T", " ")
    return (
        f'<tr><td class="run-id"><time datetime="{escape(run.started)}">{escape(started)}</time></td>'
        f'<th scope="row" class="run-id">{escape(run.run_id)}</th>'
        f'<td><span class="{escape(outcome)}">{escape(outcome)}</span><br><small>{escape(why or "")}</small></td>'
        f"<td>{steps}</td>"
        f"<td>{shown}</td>{numbers}</tr>"
    )


def _shorten(error: str) -> str:
    """Return the first line of an error, and the second where the first only announces it."""
    first, *rest = error.splitlines()
    return f"{first} {rest[0].strip()}" if first.endswith(":") and rest else first


def _find_error(run: RunRecord) -> str:
    errors = (f"{step.name}: {_shorten(step.error)}" for step in run.steps if step.error)
    return next(errors, _shorten(run.error) if run.error else "")


def _render_step(run: RunRecord, step: StepRecord, folder: Path) -> str:
    title = escape(step.error or step.reason or step.state, quote=True)
    name = escape(step.name)
    if step.report and (folder / step.report).is_file():
        name = f'<a href="{escape(f"{run.run_id}/{step.report}", quote=True)}">{name}</a>'
    mark = f' <span class="{step.state}">({step.state})</span>' if step.state != "done" else ""
    return f'<span title="{title}">{name}{mark}</span>'
