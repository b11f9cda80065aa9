"""Pipelines of one machine: what is submitted runs in the background, from the sources as they are.

There are no schedules here; cron starts ``mlops submit retrain`` as well as anybody.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mlops.errors import ParameterError, PipelineNotFoundError, RunNotFoundError, StepNotFoundError
from mlops.files import read_record, write_atomically
from mlops.pipelines import PIPELINES, find_data_step
from mlops.platform.pipelines import JobState, PublishedPipeline, SubmittedRun, SubmittedStep, check_submission
from mlops.record.clock import now
from mlops.record.ledger import RunRecord, RunState, StepState, make_run_id, read_run, sort_key
from mlops.record.processes import ProcessId, identify_process
from mlops.record.summary import find_model_version, find_reason

PIPELINE = "retrain"
NOTHING = ("", "none")
LOG, SUBMISSION = "submitted.log", "submitted.json"
COMMAND = "from mlops.cli import main; main()"  # not the program `mlops`, which may run in a fork of another process
CANCEL_SECONDS = 20.0
RUN_STATES: Mapping[RunState, JobState] = {
    "running": "running",
    "waiting": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "interrupted": "canceled",
    "lost": "failed",
    "unreadable": "failed",
}
STEP_STATES: Mapping[StepState, JobState] = {
    "pending": "queued",
    "running": "running",
    "done": "succeeded",
    "reused": "succeeded",
    "skipped": "succeeded",
    "failed": "failed",
}


@dataclass(frozen=True)
class Submission:
    """What was started: the process, when, and the tags of the run."""

    process: ProcessId
    submitted: str
    version: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Publications:
    """The build ids that were published, oldest first, each with its address."""

    versions: tuple[tuple[str, str], ...] = ()


class LocalPipelines:
    """Pipelines of one machine.

    Parameters
    ----------
    home : Path
        ``MLOPS_HOME``: keeps what was published.
    project, outputs : Path
        What is run, and where the runs' folders are.
    """

    def __init__(self, home: Path, project: Path, outputs: Path) -> None:
        self._published = home / "pipelines" / f"{PIPELINE}.json"
        self._home = home
        self._project = project
        self._outputs = outputs

    def publish(self, build_id: str, build_uri: str) -> PublishedPipeline:
        """See `mlops.platform.pipelines.Pipelines`."""
        others = tuple(version for version in self._read_versions() if version[0] != build_id)
        content = msgspec.json.encode(Publications((*others, (build_id, build_uri))))
        write_atomically(self._published, content)
        return self._describe(build_id)

    def find_published(self) -> PublishedPipeline | None:
        """See `mlops.platform.pipelines.Pipelines`."""
        versions = self._read_versions()
        return self._describe(versions[-1][0]) if versions else None

    def submit(self, parameters: Mapping[str, str]) -> SubmittedRun:
        """See `mlops.platform.pipelines.Pipelines`."""
        check_submission(parameters)
        overrides = _read_overrides(parameters)
        versions = self._read_versions()
        if not versions:
            raise PipelineNotFoundError("no pipeline is published here: run `mlops publish`")
        version, build_uri = versions[-1]
        run_id = make_run_id(PIPELINE)
        folder = self._outputs / run_id
        folder.mkdir(parents=True)
        words = ["run", PIPELINE, "--platform", "local", "--run-id", run_id, *overrides]
        process = self._start([*words, *_name_build(version, build_uri)], folder)
        tags = {"BuildId": version, "BuildUri": build_uri, "caller_run_id": parameters.get("caller_run_id", "none")}
        kept = {name: value for name, value in tags.items() if value not in NOTHING}
        write_atomically(folder / SUBMISSION, msgspec.json.encode(Submission(process, now(), version, kept)))
        return self.get_run(run_id)

    def get_run(self, run_id: str) -> SubmittedRun:
        """See `mlops.platform.pipelines.Pipelines`."""
        folder = self._find_folder(run_id)
        submission = read_record(folder / SUBMISSION, Submission)
        if not (folder / "run.json").is_file():
            state: JobState = "queued" if submission.process.alive else "failed"
            return SubmittedRun(run_id, PIPELINE, submission.version, state, tags=submission.tags, url=folder.as_uri())
        record = read_run(folder)
        tags = {**submission.tags, **_list_tags(record)}
        steps = tuple(
            SubmittedStep(step.name, STEP_STATES[step.state], step.reason if step.state == "skipped" else "")
            for step in record.steps
        )
        return SubmittedRun(
            run_id=run_id,
            pipeline=PIPELINE,
            version=submission.version,
            state=RUN_STATES[record.state],
            outcome=record.outcome,
            started=record.started,
            finished=record.finished,
            url=folder.as_uri(),
            tags=tags,
            steps=steps,
        )

    def list_runs(self, most: int) -> list[SubmittedRun]:
        """See `mlops.platform.pipelines.Pipelines`."""
        names = [path.parent.name for path in self._outputs.glob(f"*/{SUBMISSION}")]
        return [self.get_run(name) for name in sorted(names, key=sort_key, reverse=True)[:most]]

    def read_log(self, run_id: str, step: str) -> str:
        """See `mlops.platform.pipelines.Pipelines`; one process runs all steps here, and has one log."""
        folder = self._find_folder(run_id)
        record = read_run(folder) if (folder / "run.json").is_file() else None
        if record is None or record.step(step) is None:
            known = ", ".join(found.name for found in record.steps) if record else "none"
            raise StepNotFoundError(f"the run {run_id} has not started a step {step!r}; it has: {known}")
        return (folder / LOG).read_text(errors="replace")

    def fetch_run(self, run_id: str, folder: Path) -> Path:
        """See `mlops.platform.pipelines.Pipelines`."""
        found = self._find_folder(run_id)
        if folder.resolve() == found.resolve():
            return found
        return Path(shutil.copytree(found, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*")))

    def cancel(self, run_id: str) -> SubmittedRun:
        """See `mlops.platform.pipelines.Pipelines`."""
        process = read_record(self._find_folder(run_id) / SUBMISSION, Submission).process
        if process.alive:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
            deadline = time.monotonic() + CANCEL_SECONDS
            while process.alive and time.monotonic() < deadline:
                time.sleep(0.05)
            if process.alive:
                os.kill(process.pid, signal.SIGKILL)
        return self.get_run(run_id)

    def _read_versions(self) -> tuple[tuple[str, str], ...]:
        if not self._published.is_file():
            return ()
        return read_record(self._published, Publications).versions

    def _describe(self, version: str) -> PublishedPipeline:
        return PublishedPipeline(PIPELINE, version, f"{PIPELINE}:{version}", self._project.as_uri())

    def _find_folder(self, run_id: str) -> Path:
        folder = self._outputs / run_id
        if Path(run_id).name != run_id or not (folder / SUBMISSION).is_file():
            raise RunNotFoundError(
                f"no run {run_id} was submitted here; `mlops runs` lists them, `mlops status` all runs"
            )
        return folder

    def _start(self, words: list[str], folder: Path) -> ProcessId:
        """Start the command line in a session of its own, so that it outlives its starter."""
        environ = {**os.environ, "MLOPS_HOME": str(self._home), "MLOPS_OUTPUTS": str(self._outputs)}
        with open(folder / LOG, "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, *words],
                cwd=self._project,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return identify_process(process.pid)


def _read_overrides(parameters: Mapping[str, str]) -> list[str]:
    if parameters.get("dataset_version", "latest") not in ("latest", "none"):
        raise ParameterError(
            f"-p dataset_version={parameters['dataset_version']}: data sets are not registered at home; "
            "write -p data_file_path=FILE"
        )
    data = parameters.get("data_file_path", "none")
    given = {"shared.model_name": parameters.get("model_name", "none")}
    step = find_data_step(PIPELINES[PIPELINE])
    if step:
        path = str(Path(data).resolve()) if data not in NOTHING and Path(data).is_file() else data
        given[f"{step.name}.{step.takes_data}"] = path
    return [word for name, value in given.items() if value not in NOTHING for word in ("-p", f"{name}={value}")]


def _name_build(build_id: str, build_uri: str) -> list[str]:
    given = [
        f"{step.name}.{name}={value}"
        for step in PIPELINES[PIPELINE]
        for name, value in zip(step.takes_build, (build_id, build_uri), strict=False)
        if value
    ]
    return [word for text in given for word in ("-p", text)]


def _list_tags(record: RunRecord) -> dict[str, str]:
    tags = {"outcome": record.outcome, "reason": find_reason(record) if record.outcome != "error" else record.error}
    version = find_model_version(record)
    return {name: str(value) for name, value in {**tags, "model_version": version}.items() if value}
