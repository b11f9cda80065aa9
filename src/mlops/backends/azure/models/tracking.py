"""Trainings, recorded as runs of an experiment in the workspace."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from mlops.backends.azure.connection.answers import find_status
from mlops.backends.azure.connection.container import open_container
from mlops.backends.azure.connection.refusals import explain_refusals
from mlops.backends.azure.connection.sdk_objects import SdkExperiment, SdkRun
from mlops.backends.azure.connection.session import AzureSession, find_own_run
from mlops.backends.azure.models.artifacts import MODEL, PLOTS, download_folder, upload_folder, write_hashes
from mlops.errors import IntegrityError, TrainingNotFoundError
from mlops.files.hashes import hash_content, hash_folder, require_hash, verify_files
from mlops.pipelines.advice import TRAINING_NOTEBOOK
from mlops.platform.trainings import SweepState, TrainingOrigin, TrainingRun, name_attempt, name_training

KIND = "mlops"  # the tag that distinguishes our runs from others in the experiment
TRAINING, SWEEP, SUPERSEDED = "training", "sweep", "superseded"
ATTEMPT = "attempt"
PARAMETER = "parameter."
COMPLETED, CANCELED, FAILED = "Completed", "Canceled", "Failed"
ENDED = (COMPLETED, CANCELED, FAILED)
LONGEST = 5000  # Azure's limit of characters in the description of a run


class AzureTracker:
    """See `mlops.platform.trainings.Tracker`."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session

    def log_training(
        self,
        *,
        parameters: Mapping[str, object],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        files: Path,
        plots: Path | None = None,
        sweep: str = "",
        pipeline_run: str = "",
        origin: TrainingOrigin | None = None,
    ) -> TrainingRun:
        """See `Tracker`. `origin` is not used."""
        hashes = hash_folder(files)
        labels = {KIND: TRAINING, **_label_parameters(parameters), **tags}
        with explain_refusals(self._session, "log the training"):
            if pipeline_run:
                labels[ATTEMPT] = name_attempt(pipeline_run, parameters)
                self._mark_superseded(labels[ATTEMPT])
            with self._start_run(sweep, name_training(pipeline_run, sweep, parameters)) as run:
                run.set_tags(labels)
                upload_folder(run, MODEL, files)
                if plots:
                    _log_plots(run, plots)
                for name, value in metrics.items():
                    run.log(name, value)
                run.add_properties(write_hashes(hashes))
                run.complete()
        return TrainingRun(run.id, hashes)

    def _mark_superseded(self, attempt: str) -> None:
        from azureml.core import Run

        for left in list(Run.list(self._experiment, tags={ATTEMPT: attempt}, include_children=True)):
            if left.get_status() not in ENDED:
                left.cancel()
            # Azure cannot delete runs.
            left.set_tags({KIND: SUPERSEDED})

    @contextmanager
    def _start_run(self, sweep: str, name: str) -> Iterator[SdkRun]:
        own = self._find_run(sweep) if sweep else find_own_run()
        options: dict[str, object] = {"outputs": False, "snapshot_directory": None, "display_name": name}
        run = own.child_run(name) if own else self._experiment.start_logging(**options)
        with ExitStack() as undo:
            undo.callback(_end_as_failed, run)
            yield run
            undo.pop_all()

    def start_sweep(self, name: str, parameters: Mapping[str, object]) -> str:
        """See `Tracker`."""
        values = "; ".join(f"{parameter}={value}" for parameter, value in parameters.items())
        with explain_refusals(self._session, "start the sweep"):
            run = self._experiment.start_logging(
                outputs=False,
                snapshot_directory=None,
                display_name=name,
                description=values[:LONGEST],
                tags={KIND: SWEEP},
            )
        return str(run.id)

    def end_sweep(
        self, sweep: str, *, state: SweepState, parameters: Mapping[str, object], metrics: Mapping[str, float]
    ) -> None:
        """See `Tracker`."""
        with explain_refusals(self._session, "end the sweep"):
            run = self._find_run(sweep)
            run.set_tags(_label_parameters(parameters))
            for name, value in metrics.items():
                run.log(name, value)
            endings: dict[SweepState, Callable[[], None]]
            endings = {"succeeded": run.complete, "failed": run.fail, "interrupted": run.cancel}
            endings[state]()

    def has_files(self, run: TrainingRun) -> bool:
        """See `Tracker`."""
        with TemporaryDirectory() as scratch:
            try:
                self.fetch_files(run, Path(scratch, "model"))
            except (TrainingNotFoundError, IntegrityError):
                return False
        return True

    def keep_rows(self, content: bytes) -> str:
        """See `Tracker`."""
        from azure.core.exceptions import ResourceExistsError

        # not an artifact of the run, because trainings with the same rows share one blob
        sha256 = hash_content(content)
        with explain_refusals(self._session, "store the training rows"), suppress(ResourceExistsError):
            open_container(self._session).upload_blob(_locate_rows(sha256), content, overwrite=False)
        return sha256

    def fetch_rows(self, sha256: str) -> bytes | None:
        """See `Tracker`."""
        from azure.core.exceptions import ResourceNotFoundError

        with explain_refusals(self._session, "fetch the training rows"):
            try:
                content = open_container(self._session).download_blob(_locate_rows(sha256)).readall()
            except ResourceNotFoundError:
                return None
        return require_hash(content, sha256, f"The training rows in the blob {_locate_rows(sha256)}")

    def fetch_files(self, run: TrainingRun, folder: Path) -> Path:
        """See `Tracker`."""
        with explain_refusals(self._session, f"fetch the files of training run {run.run_id}"):
            download_folder(self._find_run(run.run_id), MODEL, folder)
        if not any(folder.iterdir()):
            raise TrainingNotFoundError(
                f"The files of training run {run.run_id} no longer exist on Azure. Run {TRAINING_NOTEBOOK} again."
            )
        verify_files(folder, run.files, f"training run {run.run_id}")
        return folder

    def _find_run(self, run_id: str) -> SdkRun:
        return find_run(self._session, run_id)

    @property
    def _experiment(self) -> SdkExperiment:
        from azureml.core import Experiment

        own = find_own_run()
        name = self._session.settings.require_name("pipeline")
        return own.experiment if own else Experiment(self._session.workspace, name)


@dataclass(frozen=True)
class Picture:
    """A picture file with the method `savefig`, so that the SDK accepts it as a figure."""

    path: Path

    def savefig(self, stream: BinaryIO, format: str) -> None:
        """Write the picture to a stream; `format` is ignored."""
        stream.write(self.path.read_bytes())


def find_run(session: AzureSession, run_id: str) -> SdkRun:
    """Return the run with this id.

    Raises
    ------
    TrainingNotFoundError
        If the workspace has no run with this id.
    """
    from azureml.core import Run
    from azureml.exceptions import ServiceException

    try:
        return Run.get(session.workspace, run_id)
    except ServiceException as error:
        if find_status(error) != 404:
            raise
        place = session.settings.workspace
        raise TrainingNotFoundError(
            f"There is no training run {run_id!r} in the workspace {place}. Run {TRAINING_NOTEBOOK}."
        ) from error


def _locate_rows(sha256: str) -> str:
    return f"mlops/training-rows/{sha256}.parquet"


def _log_plots(run: SdkRun, plots: Path) -> None:
    upload_folder(run, PLOTS, plots)
    for path in sorted(plots.rglob("*.png")):
        # If the SDK got a path, it would use the path as the name of the image.
        run.log_image(path.stem, plot=Picture(path))


def _end_as_failed(run: SdkRun) -> None:
    from azureml.exceptions import AzureMLException
    from msrest.exceptions import ClientException
    from requests.exceptions import RequestException

    try:
        run.fail(error_details="the training was not logged completely")
    except (AzureMLException, ClientException, RequestException):
        return


def _label_parameters(parameters: Mapping[str, object]) -> dict[str, str]:
    return {f"{PARAMETER}{name}": str(value) for name, value in parameters.items()}
