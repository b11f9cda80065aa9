"""The progress of a run on the terminal: one line per step, and a summary at the end."""

import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import TextIO
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from mlops.cli.progress.annotations import disarm
from mlops.cli.progress.line import ProgressLine
from mlops.image.bundle import split_example
from mlops.numbers import format_number
from mlops.operations.status import Status
from mlops.pipelines.tags import OVERRIDE_REASON
from mlops.platform.services import ENVIRONMENTS, Service
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.listener import Listener
from mlops.record.scores import Scores, find_units, list_scores
from mlops.record.summary import (
    REFUSED,
    describe_outcome,
    find_dataset,
    find_reason,
    has_step,
    name_end,
)
from mlops.release.loopback import is_loopback

MARKS = {"done": "✓", "failed": "✗", "skipped": "–", "reused": "=", "running": "…", REFUSED: "–"}


class Progress(Listener):
    """A listener that prints a line for every finished step and, on a terminal, a line with the running steps.

    Parameters
    ----------
    stream : text stream
        The stream to print to; standard error by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._line = ProgressLine(self._stream)
        self._running: dict[str, tuple[float, str]] = {}  # per step: its start time and its progress

    def step_started(self, step: StepRecord) -> None:
        """See `mlops.record.listener.Listener`."""
        self._running[step.name] = (time.monotonic(), "starting")
        self._draw()

    def cell_done(self, step: StepRecord, done: int, cells: int) -> None:
        """See `mlops.record.listener.Listener`."""
        began, _ = self._running[step.name]
        self._running[step.name] = (began, f"cell {done} of {cells}")
        self._draw()

    def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """See `mlops.record.listener.Listener`."""
        self._running.pop(step.name, None)
        self._line.erase()
        about = "rejected; see the outcome" if _summary_repeats_reason(run, step) else step.reason
        print(disarm(_format_step(step, about)), file=self._stream)
        if step.state == "failed":
            print(*(f"    {disarm(line)}" for line in step.error.splitlines()), sep="\n", file=self._stream)
        self._draw()
        return step

    def run_ended(self, run: RunRecord) -> None:
        """See `mlops.record.listener.Listener`."""
        self._line.erase()

    def _draw(self) -> None:
        if not self._running:
            self._stream.flush()
            return
        now = time.monotonic()
        shown = [f"{name} {now - began:.1f} s, {how}" for name, (began, how) in self._running.items()]
        self._line.draw(f"{MARKS['running']} {' | '.join(shown)}")


def _format_step(step: StepRecord, about: str) -> str:
    end = REFUSED if name_end(step) == REFUSED else step.state
    why = "not deployed; see the outcome" if end == REFUSED else about
    return f"{MARKS[end]} {step.name:<18} {end:<8} {step.seconds:6.1f} s  {why}".rstrip()


def _summary_repeats_reason(run: RunRecord, step: StepRecord) -> bool:
    return step.state == "skipped" and step.reason != "" and step.reason == find_reason(run)


def summarize_run(
    run: RunRecord, status: Status, report: str, program: str, following: str = "", data: str = ""
) -> str:
    """Return the summary of a run: outcome, data, model, metrics, service, report, next command.

    Parameters
    ----------
    run : RunRecord
        A finished run.
    status : Status
        The champion and the environments after the run.
    report : str
        The page that the summary tells the user to open.
    program : str
        This program as the user would type it, such as ".venv/bin/mlops".
    following : str
        The next command to suggest. Empty if there is none.
    data : str
        The data that passed its test in the run, such as "churn version 2". Empty if none did.
    """
    lines = [("Outcome", format_outcome(run))]
    if inputs := _describe_reused_results(run):
        lines.append(("Inputs", inputs))
    if dataset := find_dataset(run):
        lines.append(("Data", f"{dataset} is the newest; runs train on it"))
    elif data:
        lines.append(("Data", data))
    about_model = has_step(run, lambda step: step.decides.result or step.names_model)
    if status.champion and about_model:
        why = status.champion.tags.get(OVERRIDE_REASON, "").rstrip(".")
        told = why != "" and why in describe_outcome(run)
        lines.append(("Model", f"{status.champion.title if told else status.champion.full_title} is the champion"))
    lines += zip(("Metrics", "", ""), _format_scores(list_scores(run), find_units(run)), strict=False)
    if about_model:
        lines += _describe_production(run, status, program)
    if commits := _describe_commit_problem(run):
        lines.append(("Commit", commits))
    lines.append(("Report", report))
    if following:
        lines.append(("Next", following))
    return "\n".join(f"{name + ':' if name else '':<12}{value}" for name, value in lines)


def _describe_reused_results(run: RunRecord) -> str:
    taken = [f"{step.name} of run {step.source}" for step in run.steps if run.settings.only and step.state == "reused"]
    return f"the results of {' and '.join(taken)}" if taken else ""


def _describe_commit_problem(run: RunRecord) -> str:
    steps: dict[str, list[str]] = {}
    for step in run.steps:
        if step.state == "done" and step.git_commit:
            steps.setdefault(step.git_commit, []).append(step.name)
    if len(steps) > 1:
        parts = [f"{', '.join(names)} on {_shorten(commit)}" for commit, names in steps.items()]
        return f"differs between the steps: {'; '.join(parts)}"
    return f"{run.git_commit}, because {run.git_problem}" if run.git_problem else ""


def _shorten(commit: str) -> str:
    name, dirty, _ = commit.partition("-dirty")
    return name[:10] + dirty


def _describe_production(run: RunRecord, status: Status, program: str) -> list[tuple[str, str]]:
    production = next((found for found in status.standings if found.service.environment == ENVIRONMENTS[-1]), None)
    if production is None:
        return []
    service = production.service
    about = f"{service.condition}, {status.name_model(service)}"
    shown = f"{service.address}  ({about})" if service.address else about
    lines = [("Production", service.problem or shown)]
    if remark := production.shorten_remark(describe_outcome(run)):
        lines.append(("", remark))
    usable = service.health == "healthy" and service.accepts_keys
    if usable and run.state == "succeeded" and has_step(run, lambda step: step.deploys.digest):
        body, actual = split_example(service.example)
        lines.append(("Try it", _write_curl_without_key(service, body, program, status.command_options)))
        if actual:
            values = " and ".join(map(_show_true_value, actual))
            lines.append(("", f"(rows of the data set that the model was not trained on; their true values: {values})"))
    return lines


def format_outcome(run: RunRecord) -> str:
    """Return the outcome of a run in one line, with its full reason or the place of its failure."""
    why = describe_outcome(run)
    return f"{run.ending}: {why}" if why else run.ending


def format_ending(run: RunRecord) -> str:
    """Return the outcome of a run and the errors of its steps, for readers who did not see the progress of the run."""
    failed = [step for step in run.steps if step.state == "failed"]
    errors = [step.error if len(failed) == 1 else step.cause for step in failed]
    failure = run.failure
    if failure and any(repr(failure.cell) in error for error in errors):
        failure = replace(failure, cell="")
    return disarm("\n".join([f"{run.run_id}: {format_outcome(replace(run, failure=failure))}", *errors]))


def _format_scores(scores: Sequence[Scores], units: Mapping[str, str]) -> list[str]:
    names = [found.model for found in scores]
    rows = [[f"{name} {format_number(value)}" for name, value in found.metrics.items()] for found in scores]
    widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    where = "on the rows that neither model has seen" if len(scores) > 1 else "on the holdout"
    where += "".join(f"; {name} in {unit}" for name, unit in units.items())
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) for row in rows]
    return [
        f"{name:<{max(map(len, names))}}  {line}  {f'({where})' if name == names[0] else ''}".rstrip()
        for name, line in zip(names, lines, strict=True)
    ]


def _show_true_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _write_curl_without_key(service: Service, body: str, program: str, platform_option: str) -> str:
    key = f"$({program} keys {service.environment} --primary{platform_option})"
    header = "-H 'Content-Type: application/json'"
    direct = " --noproxy '*'" if is_loopback(service.url) and _has_proxy(service.url) else ""
    return f'curl -s{direct} {service.url}/score -H "Authorization: Bearer {key}" {header} -d {shlex.quote(body)}'


def _has_proxy(url: str) -> bool:
    return bool({"http", "all"} & getproxies().keys()) and not proxy_bypass(urlsplit(url).netloc)
