"""What a run looks like on the terminal: a line a step, and a summary that ends it."""

import sys
import time
from collections.abc import Sequence
from typing import TextIO

from mlops.platform.models import ModelVersion
from mlops.platform.services import Service
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.listener import Listener
from mlops.record.summary import find_dataset, find_metrics, find_reason

MARKS = {"done": "✓", "failed": "✗", "skipped": "–", "reused": "=", "running": "…"}


class Progress(Listener):
    """A listener that prints a line for every step that ends and, on a terminal, one that shows what is running.

    Parameters
    ----------
    stream : text stream
        Where to; standard error by default, so that standard output stays free for results.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._running: dict[str, tuple[float, str]] = {}  # by step: when it began, and how far it is

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
        self._erase()
        about = step.reason or ("" if step.state != "failed" else "see below")
        print(_format_step(step, about), file=self._stream)
        if step.state == "failed":
            print(*(f"    {line}" for line in step.error.splitlines()), sep="\n", file=self._stream)
        self._draw()
        return step

    def run_ended(self, run: RunRecord) -> None:
        """See `mlops.record.listener.Listener`."""
        self._erase()

    def _draw(self) -> None:
        if self._stream.isatty() and self._running:
            now = time.monotonic()
            shown = [f"{name} {now - began:.1f} s, {how}" for name, (began, how) in self._running.items()]
            self._stream.write("\r\033[K" + f"{MARKS['running']} {' | '.join(shown)}")
        self._stream.flush()

    def _erase(self) -> None:
        if self._stream.isatty():
            self._stream.write("\r\033[K")


def _format_step(step: StepRecord, about: str) -> str:
    return f"{MARKS[step.state]} {step.name:<18} {step.state:<8} {step.seconds:6.1f} s  {about}".rstrip()


def summarize_run(
    run: RunRecord,
    champion: ModelVersion | None,
    services: Sequence[Service],
    report: str,
    program: str,
    platform_option: str = "",
) -> str:
    """Return the summary of a run: outcome, data, model, metrics, service, report.

    Parameters
    ----------
    run : RunRecord
        A finished run.
    champion : ModelVersion or None
        The champion after the run.
    services : sequence of Service
        What is deployed now.
    report : str
        The page to open.
    program : str
        How this command line is called from where the user stands: ".venv/bin/mlops".
    platform_option : str
        What a command for the run's platform needs behind it: " --platform azure", or nothing.
    """
    lines = [("Outcome", _describe_outcome(run))]
    if dataset := find_dataset(run):
        lines.append(("Data", f"{dataset} is the newest; runs train on it"))
    if champion:
        lines.append(("Model", f"{champion.name} version {champion.version} is the champion"))
    metrics = [f"{name} {value:,.3f}" for name, value in find_metrics(run).items()]
    if metrics:
        lines.append(("Metrics", ", ".join(metrics) + " (on the holdout)"))
    production = next((service for service in services if service.environment == "production"), None)
    if production:
        serves = f"{production.url}  ({production.health}, model version {production.model_version})"
        lines.append(("Production", serves))
    if production and production.health == "healthy":
        lines.append(("Try it", _write_curl(production, program, platform_option)))
    lines.append(("Report", report))
    return "\n".join(f"{name + ':':<12}{value}" for name, value in lines)


def _describe_outcome(run: RunRecord) -> str:
    failed = next((step for step in run.steps if step.state == "failed"), None)
    if failed:
        return f"error in {failed.name}: {failed.error.splitlines()[0]}"
    if run.error:
        return f"error: {run.error.splitlines()[0]}"
    reason = find_reason(run) if run.outcome in ("promoted", "rejected") else None
    return f"{run.outcome}: {reason}" if reason else run.outcome


def _write_curl(service: Service, program: str, platform_option: str) -> str:
    """Return a command that can be pasted; the key is fetched by the shell, so it stands in no log."""
    key = f"$({program} keys {service.environment} --primary{platform_option})"
    header = "-H 'Content-Type: application/json'"
    return f"curl -s {service.url}/score -H \"Authorization: Bearer {key}\" {header} -d '{service.example}'"
