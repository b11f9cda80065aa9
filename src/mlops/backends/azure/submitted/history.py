"""Runs of the published pipeline, from the workspace's run history."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from mlops.backends.azure.connection.answers import is_missing
from mlops.backends.azure.connection.retries import repeat
from mlops.backends.azure.connection.sdk_objects import SdkRun
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.submitted.conclusion_tags import list_other_tags, read_conclusion
from mlops.backends.azure.submitted.run_folder import fetch_folder
from mlops.backends.azure.submitted.submission import find_runs
from mlops.errors import RunNotFoundError, StepNotFoundError
from mlops.platform.pipelines import JobState, SubmittedRun, SubmittedStep
from mlops.record.conclusion import Conclusion

STATES: Mapping[str, JobState] = {
    "NotStarted": "queued",
    "Queued": "queued",
    "Preparing": "queued",
    "Provisioning": "queued",
    "Starting": "queued",
    "Completed": "succeeded",
    "Finished": "succeeded",
    "Failed": "failed",
    "NotResponding": "failed",
    "Canceled": "canceled",
    "CancelRequested": "canceled",
}  # any other status means that the run is running
LOGS = ("user_logs/std_log.txt", "azureml-logs/70_driver_log.txt", "azureml-logs/60_control_log.txt")
SECONDS = (10, 60)  # time limits for the connection and the answer


class SubmittedRuns:
    """The submitted runs of the published pipeline. See `mlops.platform.pipelines.Pipelines`."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session

    @property
    def _name(self) -> str:
        return self._session.settings.require_name("pipeline")

    def get_run(self, run_id: str) -> SubmittedRun:
        """See `Pipelines`."""
        doing = f"read the run {run_id}"
        return repeat(self._session, doing, lambda: self._describe(self._find(run_id), with_steps=True))

    def list_runs(self, most: int) -> list[SubmittedRun]:
        """See `Pipelines`."""

        def call() -> list[SubmittedRun]:
            return [self._describe(run) for run in islice(find_runs(self._session, self._name), most)]

        return repeat(self._session, f"list the runs of {self._name}", call)

    def read_log(self, run_id: str, step: str) -> str:
        """See `Pipelines`."""
        import requests

        def call() -> str:
            found = self._find_step(run_id, step)
            files = found.get_details().get("logFiles", {})
            url = next((files[name] for name in LOGS if name in files), None)
            if url is None:
                return ""
            answer = requests.get(url, timeout=SECONDS)
            answer.raise_for_status()
            return answer.content.decode(errors="replace")

        return repeat(self._session, f"read the log of {step}", call)

    def fetch_run(self, run_id: str, folder: Path) -> Path:
        """See `Pipelines`."""
        run = repeat(self._session, f"read the run {run_id}", lambda: self._find(run_id))
        repeat(self._session, f"fetch the files of the run {run_id}", lambda: fetch_folder(run, folder))
        if not (folder / "run.json").is_file():
            state = read_state(run.get_status())
            todo = "Wait for its first step" if state in ("queued", "running") else "Read its logs"
            raise RunNotFoundError(f"Run {run_id} ({state}) has not stored any files. {todo}: {run.get_portal_url()}")
        return folder

    def cancel(self, run_id: str) -> SubmittedRun:
        """See `Pipelines`."""
        from azureml.pipeline.core import PipelineRun

        if self.get_run(run_id).state in ("queued", "running"):
            run = PipelineRun(self._open_experiment(), run_id)
            repeat(self._session, f"cancel the run {run_id}", run.cancel)
        return self.get_run(run_id)

    def _open_experiment(self) -> object:
        from azureml.core import Experiment

        return Experiment(self._session.workspace, self._name)

    def _find(self, run_id: str) -> SdkRun:
        from azureml._restclient.exceptions import ServiceException
        from azureml.core import Run
        from msrest.exceptions import HttpOperationError

        try:
            return Run(self._open_experiment(), run_id)
        except (ServiceException, HttpOperationError) as error:
            if not is_missing(error) and getattr(error, "status_code", 0) != 404:
                raise
            raise RunNotFoundError(
                f"There is no run {run_id} of {self._name} in the workspace. `mlops runs --platform azure` lists the "
                "runs."
            ) from error

    def _find_step(self, run_id: str, step: str) -> SdkRun:
        children = {str(child.name): child for child in self._find(run_id).get_children(_rehydrate_runs=False)}
        if step not in children:
            started = ", ".join(children) or "none"
            raise StepNotFoundError(f"Run {run_id} has not started the step {step!r}. Started so far: {started}.")
        return children[step]

    def _describe(self, run: SdkRun, with_steps: bool = False) -> SubmittedRun:
        tags = {name: str(value) for name, value in run.get_tags().items()}
        conclusion = read_conclusion(tags)
        details = run.get_details()
        children = list(run.get_children(_rehydrate_runs=False)) if with_steps else []
        return SubmittedRun(
            run_id=str(run.id),
            pipeline=self._name,
            version=tags.get("BuildId", ""),
            state=read_state(details["status"]),
            outcome=conclusion.outcome,
            reason=conclusion.reason,
            model_name=conclusion.model_name,
            model_version=conclusion.model_version,
            override=conclusion.override,
            started=_shorten_time(details.get("startTimeUtc")),
            finished=_shorten_time(details.get("endTimeUtc")),
            url=run.get_portal_url(),
            tags=list_other_tags(tags),
            steps=tuple(_describe_step(child, conclusion) for child in sorted(children, key=_read_start)),
        )


def read_state(status: str) -> JobState:
    """Return the state of a run or step whose status on Azure is `status`, such as "Preparing"."""
    return STATES.get(status, "running")


def _describe_step(step: SdkRun, conclusion: Conclusion) -> SubmittedStep:
    reason = conclusion.skipped.get(str(step.name), "")  # Azure also starts a job for a skipped step
    return SubmittedStep(str(step.name), "skipped" if reason else read_state(step.status), reason)


def _read_start(step: SdkRun) -> str:
    return str(step.get_details().get("startTimeUtc") or "9")  # steps that have not started come last


def _shorten_time(text: str | None) -> str:
    return f"{text[:19]}Z" if text else ""
