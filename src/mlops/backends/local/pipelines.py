"""The published pipeline on one machine. Its runs execute in background processes."""

# Submitted runs use the current sources. This platform has no schedules. To retrain regularly, run
# `mlops submit retrain` with cron.

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec

from mlops.backends.local.background import LOG, SUBMISSION, BackgroundRun, start_process, stop_process
from mlops.data.location import require_file
from mlops.errors import (
    FormatError,
    IntegrityError,
    PipelineNotFoundError,
    RunNotFoundError,
    StepNotFoundError,
    UsageError,
)
from mlops.files.atomic import write_atomically
from mlops.files.records import read_record
from mlops.parameters.suggestion import suggest
from mlops.pipelines import PIPELINES, PUBLISHED
from mlops.platform.datasets import LATEST, Datasets
from mlops.platform.pipelines import JobState, PublishedPipeline, SubmittedRun, describe_record
from mlops.platform.submission import Build, Submission, list_overrides, list_tags
from mlops.record.clock import now
from mlops.record.ledger import make_run_folder, read_run
from mlops.record.order import sort_records, take_order
from mlops.workspace import Workspace, mark_new_home


@dataclass(frozen=True)
class Publications:
    """All builds that published the pipeline, oldest first: the id and the address of each build."""

    versions: tuple[tuple[str, str], ...] = ()


class LocalPipelines:
    """See `mlops.platform.pipelines.Pipelines`.

    Parameters
    ----------
    workspace : Workspace
        The project, its ``MLOPS_HOME``, and the folder of its runs.
    datasets : Datasets
        The data set, in which to find the version that a submission names.
    command : sequence of str
        The command that starts this program in a new process, as a list of arguments. If it is empty, `submit` raises
        UsageError.
    command_options : str
        The option that messages add to suggested commands, such as " --platform local"; empty to add none.
    """

    def __init__(
        self, workspace: Workspace, datasets: Datasets, command: Sequence[str] = (), command_options: str = ""
    ) -> None:
        self._options = command_options
        self._published = workspace.home / "pipelines" / f"{PUBLISHED}.json"
        self._workspace = workspace
        self._outputs = workspace.outputs
        self._datasets = datasets
        self._command = tuple(command)

    def publish(self, build_id: str, build_uri: str) -> PublishedPipeline:
        """See `mlops.platform.pipelines.Pipelines`."""
        others = tuple(version for version in self._read_versions() if version[0] != build_id)
        content = msgspec.json.encode(Publications((*others, (build_id, build_uri))))
        mark_new_home(self._workspace.home)
        write_atomically(self._published, content)
        return self._describe(build_id)

    def find_published(self) -> PublishedPipeline | None:
        """See `mlops.platform.pipelines.Pipelines`."""
        versions = self._read_versions()
        return self._describe(versions[-1][0]) if versions else None

    def submit(self, submission: Submission) -> SubmittedRun:
        """See `mlops.platform.pipelines.Pipelines`."""
        if not self._command:
            raise UsageError(
                "Runs cannot start in the background, because the platform was opened without a command to start them. "
                f"Use `mlops submit{self._options}`, or pass `command` to `open_backend`."
            )
        data = self._find_data_url(submission)
        versions = self._read_versions()
        if not versions:
            raise PipelineNotFoundError(f"No pipeline is published here. Run `mlops publish{self._options}`.")
        version, build_uri = versions[-1]
        folder = make_run_folder(self._outputs, PUBLISHED)
        run_id = folder.name
        build = Build(version, build_uri)
        words = [*self._command, *_list_arguments(run_id, submission, build, data)]
        process = start_process(words, self._workspace, folder)
        order = take_order(self._outputs.glob(f"*/{SUBMISSION}"))
        background = BackgroundRun(process, now(), version, list_tags(submission, build), order)
        write_atomically(folder / SUBMISSION, msgspec.json.encode(background))
        return self.get_run(run_id)

    def get_run(self, run_id: str) -> SubmittedRun:
        """See `mlops.platform.pipelines.Pipelines`."""
        folder = self._find_folder(run_id)
        submission = read_record(folder / SUBMISSION, BackgroundRun)
        if not (folder / "run.json").is_file():
            state: JobState = "queued" if submission.process.alive else "failed"
            return SubmittedRun(run_id, PUBLISHED, submission.version, state, tags=submission.tags, url=folder.as_uri())
        return describe_record(read_run(folder), folder.as_uri(), submission.version, submission.tags)

    def list_runs(self, most: int) -> list[SubmittedRun]:
        """See `mlops.platform.pipelines.Pipelines`."""
        submitted = sort_records(self._outputs.glob(f"*/{SUBMISSION}"))
        found = (self._get_or_mark_unreadable(path.parent.name) for path in submitted)
        return list(islice((run for run in found if run), most))

    def list_unrecorded(self) -> list[tuple[Path, str]]:
        """Return the folder and the submission time of each run that ended before it wrote ``run.json``."""
        found: list[tuple[Path, str]] = []
        for path in sorted(self._outputs.glob(f"*/{SUBMISSION}")):
            with suppress(IntegrityError, FileNotFoundError):
                submission = read_record(path, BackgroundRun)
                if not (path.parent / "run.json").exists() and not submission.process.alive:
                    found.append((path.parent, submission.submitted))
        return found

    def _get_or_mark_unreadable(self, run_id: str) -> SubmittedRun | None:
        try:
            return self.get_run(run_id)
        except (RunNotFoundError, FileNotFoundError):
            return None
        except (IntegrityError, FormatError) as error:
            return SubmittedRun(run_id, PUBLISHED, "", "failed", outcome="unreadable", reason=str(error))

    def read_log(self, run_id: str, step: str) -> str:
        """See `mlops.platform.pipelines.Pipelines`. The log contains the output of all steps."""
        folder = self._find_folder(run_id)
        record = read_run(folder) if (folder / "run.json").is_file() else None
        if record is None:
            raise StepNotFoundError(f"Run {run_id} has not begun, so it has no log yet. Try again in a moment.")
        if record.step(step) is None:
            known = [found.name for found in record.steps]
            raise StepNotFoundError(f"Run {run_id} has no step {step!r}{suggest(step, known, 'Its steps')}")
        return (folder / LOG).read_text(errors="replace")

    def fetch_run(self, run_id: str, folder: Path) -> Path:
        """See `mlops.platform.pipelines.Pipelines`."""
        found = self._find_folder(run_id)
        if folder.resolve() == found.resolve():
            return found
        return Path(shutil.copytree(found, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*")))

    def cancel(self, run_id: str) -> SubmittedRun:
        """See `mlops.platform.pipelines.Pipelines`."""
        process = read_record(self._find_folder(run_id) / SUBMISSION, BackgroundRun).process
        stop_process(process)
        return self.get_run(run_id)

    def _read_versions(self) -> tuple[tuple[str, str], ...]:
        if not self._published.exists():
            return ()
        return read_record(self._published, Publications).versions

    def _describe(self, version: str) -> PublishedPipeline:
        return PublishedPipeline(PUBLISHED, version, f"{PUBLISHED}:{version}", self._workspace.project.as_uri())

    def _find_data_url(self, submission: Submission) -> str:
        data = submission.data_file_path
        if not data and submission.dataset_version != LATEST:
            return self._datasets.get_version(submission.dataset_version).url
        require_file(data, "-p data_file_path")
        return str(Path(data).resolve()) if Path(data).is_file() else data

    def _find_folder(self, run_id: str) -> Path:
        folder = self._outputs / run_id
        if Path(run_id).name != run_id or not (folder / SUBMISSION).is_file():
            raise RunNotFoundError(f"Run {run_id} was not submitted here. `mlops runs{self._options}` lists the runs.")
        return folder


def _list_arguments(run_id: str, submission: Submission, build: Build, data: str) -> list[str]:
    given = list_overrides(submission, build, data, PIPELINES[PUBLISHED])
    options = [word for override in given for word in ("-p", override.to_text())]
    return ["run", PUBLISHED, "--platform", "local", "--run-id", run_id, *options]
