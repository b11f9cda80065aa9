"""The top of the index: the service of each environment, and the result of the last data test."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from mlops.portal.page import mark_code
from mlops.record.data_test import DataTest, find_data_test
from mlops.record.ledger import RunRecord

ICONS = {"healthy": "✓", "unhealthy": "✗", "stopped": "■", "unreadable": "✗", "passed": "✓", "failed": "✗"}
NOTHING = "<p>Nothing is deployed yet.</p>"


@dataclass(frozen=True)
class Environment:
    """The service of one environment.

    Parameters
    ----------
    name : str
        The name of the environment, such as "production".
    model : str
        The deployed model, such as "churn version 2". Empty if there is none.
    health : str
        The health of the service: "healthy", "unhealthy", "stopped" or "unreadable". Empty if nothing was ever deployed
        in the environment.
    since : str
        The time of the deployment: UTC, ISO 8601.
    decision : str
        The decision to deploy the model, and the person who made it.
    is_champion : bool or None
        Whether the model is the champion. None if the champion cannot be read.
    remark : str
        The problems of the environment. Empty if there are none.
    error : str
        The typical error of the model's predictions, with its unit, such as "47.1 points of disease progression".
    error_name : str
        The name of the typical error, such as "mean absolute error".
    url : str
        The address of the service. Empty if no service is running.
    condition : str
        The text to show instead of `health`, such as "not running here". Empty to show `health`.
    """

    name: str
    model: str = ""
    health: str = ""
    since: str = ""
    decision: str = ""
    is_champion: bool | None = False
    remark: str = ""
    error: str = ""
    error_name: str = ""
    url: str = ""
    condition: str = ""


@dataclass(frozen=True)
class Overview:
    """The content of the top of the index: all environments, and the newest version of the data set.

    Parameters
    ----------
    environments : sequence of Environment
        All environments. Empty if nothing was ever deployed.
    problems : sequence of str
        The reasons why parts of the platform could not be read.
    at : str
        The time at which this information was read from the platform: UTC, ISO 8601.
    dataset, dataset_url : str
        The newest version of the data set, such as "churn version 2", and the URL of its file. Empty if unknown.
    """

    environments: Sequence[Environment] = ()
    problems: Sequence[str] = ()
    at: str = ""
    dataset: str = ""
    dataset_url: str = ""


def render_overview(overview: Overview, runs: Sequence[RunRecord]) -> str:
    """Return the top of the index as HTML. `runs` has all runs, newest first."""
    cards = "\n".join(map(_render_environment, overview.environments))
    nothing = "" if overview.problems else NOTHING
    problems = "".join(f'<p class="failed">{mark_code(problem)}</p>' for problem in overview.problems)
    return f"""<section class="overview" aria-label="Environments">
{f'<div class="cards">{cards}</div>' if cards else nothing}
{problems}{_render_data_tests(overview, runs)}{_render_reading_time(overview.at)}
</section>
"""


def format_time(moment: str) -> str:
    """Format the time of a record for display: "2026-11-22 19:07:58 UTC"."""
    return moment.replace("T", " ").replace("Z", " UTC")


def _render_environment(found: Environment) -> str:
    if not found.health:
        return f"<article><h2>{escape(found.name)}</h2>{NOTHING}</article>"
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in _list_rows(found))
    shown = f"{ICONS.get(found.health, '')} {escape(found.condition or found.health)}"
    health = f'<span class="{escape(found.health)}">{shown}</span>'
    remark = f'<p class="remark">{mark_code(found.remark)}</p>' if found.remark else ""
    model = escape(found.model or "unknown")
    return f"<article><h2>{escape(found.name)}</h2><p>{model}, {health}</p>{remark}<dl>{rows}</dl></article>"


def _list_rows(found: Environment) -> Iterator[tuple[str, str]]:
    if found.since:
        since = "Last deployed" if found.health == "stopped" else "Since"
        yield since, f'<time datetime="{escape(found.since)}">{escape(format_time(found.since))}</time>'
    if found.decision:
        yield "Decision", mark_code(found.decision)
    yield "Champion", "unknown" if found.is_champion is None else "yes" if found.is_champion else "no"
    if found.error:
        yield found.error_name[:1].upper() + found.error_name[1:], escape(found.error)
    if found.url:
        yield "Address", f"<code>{escape(found.url)}</code>"


def _render_reading_time(moment: str) -> str:
    if not moment:
        return ""
    time = escape(format_time(moment))
    return f"<p><small>As of {time}. Run <code>mlops report</code> to update it.</small></p>"


def _render_data_tests(overview: Overview, runs: Sequence[RunRecord]) -> str:
    last, dataset = find_data_test(runs), escape(overview.dataset)
    if last is None:
        return "<p>No data has been tested yet.</p>"
    registered = find_data_test(runs, of=overview.dataset_url) if dataset else None
    name = escape(last.data)
    if registered is None:
        unknown = f"<p>None of these runs tested the registered data, {dataset}.</p>" if dataset else ""
        return f"<p>Last data test: {_render_data_test(last)}{f' ({name})' if name else ''}</p>{unknown}"
    other = "" if last == registered else f"<p>Last data test of another file, {name}: {_render_data_test(last)}</p>"
    return f"<p>Last data test of {dataset}: {_render_data_test(registered)}</p>{other}"


def _render_data_test(tested: DataTest) -> str:
    state = "passed" if tested.passed else "failed"
    about = "" if tested.passed or tested.refused else " before the data was checked"
    shown = f'<span class="{state}">{ICONS[state]} {state}</span>{about}'
    linked = f'<a href="{escape(tested.report, quote=True)}">{shown}</a>' if tested.report else shown
    return f"{linked}, {escape(format_time(tested.at))}"
