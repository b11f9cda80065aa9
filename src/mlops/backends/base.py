"""What a platform must do for the pipelines: the seam between a laptop and a cloud.

Notebooks and the command line get a `Backend` from `mlops.backends.open_backend` and know nothing of the platform
behind it. To add one, make a folder beside ``local/`` whose ``__init__`` has ``open_backend(workspace) -> Backend``,
and run the contract suite in ``tests/backends`` over it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from mlops.errors import ParameterError
from mlops.record.ledger import RunRecord

ENVIRONMENTS = ("qa", "production")
Health = Literal["healthy", "unhealthy", "stopped"]
SweepState = Literal["succeeded", "failed", "interrupted"]
JobState = Literal["queued", "running", "succeeded", "failed", "canceled"]
ChangeKind = Literal["create", "modify", "delete", "none"]
SUBMISSION_PARAMETERS = ("model_name", "dataset_version", "data_file_path", "caller_run_id")
NEW_DATA = "new"  # as `dataset_version`: what has arrived last, which is no version yet


@dataclass(frozen=True)
class TrainingRun:
    """A tracked training: its id, and the SHA-256 of every model file by relative path."""

    run_id: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class ModelVersion:
    """A registered model: where it came from (`run_id`, `tags`), what it is (`files`), whether it is the champion."""

    name: str
    version: int
    run_id: str
    files: Mapping[str, str]
    tags: Mapping[str, str]
    champion: bool = False


@dataclass(frozen=True)
class Image:
    """A scoring image: named ``<model>:<version>``, identified by the digest of its content."""

    name: str
    digest: str
    url: str
    model_name: str
    model_version: int


@dataclass(frozen=True)
class Service:
    """A deployed image; `tested` is "passed", "failed" or "" where its test has not run, `example` a request body."""

    environment: str
    url: str
    digest: str
    health: Health
    image: str
    model_version: int
    deployed: str
    tested: str = ""
    example: str = ""


@dataclass(frozen=True)
class Change:
    """What setting up, or taking away, does to one resource: its kind and name as people know them."""

    kind: ChangeKind
    resource: str
    name: str


@dataclass(frozen=True)
class DatasetVersion:
    """A version of the data set that is trained on: one file that is never written again."""

    name: str
    version: int
    url: str


@dataclass(frozen=True)
class Usage:
    """How much the platform is used in a month, where its settings do not say it.

    Parameters
    ----------
    runs : float, optional
        Retrainings; None: as often as the platform's schedule starts them.
    run_minutes : float
        How long a retraining keeps its machines busy.
    run_nodes : int
        How many machines it keeps busy.
    production_nodes : float, optional
        How many machines serve, on average; None: as many as always stay.
    storage_gb, monitoring_gb : float
        What is stored, and what logs and telemetry bring in.
    """

    runs: float | None = None
    run_minutes: float = 20.0
    run_nodes: int = 1
    production_nodes: float | None = None
    storage_gb: float = 10.0
    monitoring_gb: float = 1.0


@dataclass(frozen=True)
class Billable:
    """What a platform bills in a month: `quantity` of `unit`, got by `formula`; `price` names its unit's price."""

    item: str
    quantity: float
    unit: str
    formula: str
    price: str


@dataclass(frozen=True)
class PublishedPipeline:
    """The retraining pipeline as published: `version` is the build's id, `url` the stable address that starts it."""

    name: str
    version: str
    pipeline_id: str
    url: str


@dataclass(frozen=True)
class SubmittedStep:
    """One step of a submitted run; `reason` says why it was skipped."""

    name: str
    state: JobState
    reason: str = ""


@dataclass(frozen=True)
class SubmittedRun:
    """A run of the published pipeline; `outcome` as in a run's record, `url` the platform's own page of it."""

    run_id: str
    pipeline: str
    version: str
    state: JobState
    outcome: str = ""
    started: str = ""
    finished: str = ""
    url: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[SubmittedStep, ...] = ()


class Tracker(Protocol):
    """Remembers trainings."""

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
    ) -> TrainingRun:
        """Record a finished training with the model's `files` and `plots` (folders); called by 02_train.

        Every call makes a new run; with `sweep`, one that belongs to that sweep. Several may call at once. With
        `pipeline_run`, takes back what an earlier call with the same one and the same parameters has left: a run of a
        pipeline that was killed and resumed has trained once.
        """
        ...

    def start_sweep(self, name: str, parameters: Mapping[str, object]) -> str:
        """Record that a sweep over `parameters` begins; called by `mlops sweep`.

        Returns the id by which `log_training` puts trainings under it.
        """
        ...

    def end_sweep(
        self, sweep: str, *, state: SweepState, parameters: Mapping[str, object], metrics: Mapping[str, float]
    ) -> None:
        """Record how a sweep ended, with the parameters and metrics of its best training; called by `mlops sweep`."""
        ...

    def list_trainings(self, sweep: str = "") -> list[str]:
        """Return the ids of all trainings, or of a sweep's, oldest first; called by who checks the record."""
        ...

    def has_files(self, run: TrainingRun) -> bool:
        """Say whether a training's files are still there and unchanged; called before its results are taken over."""
        ...

    def fetch_files(self, run: TrainingRun, folder: Path) -> Path:
        """Copy a training's files to `folder` and check their hashes; called by 03_evaluate and 04_register.

        Raises IntegrityError for a file that has changed, NotFoundError for an unknown run.
        """
        ...


class Registry(Protocol):
    """Keeps versions of models, one of which is the champion."""

    def register(
        self, name: str, run: TrainingRun, tags: Mapping[str, str], *, expected: int | None = None
    ) -> ModelVersion:
        """Make the next version, whole with all its tags or not at all; called by 04_register.

        Safe to call again: a training that is registered already keeps its version. With `expected`, raises
        ConflictError and makes none where the champion is another version (0: none) by now.
        """
        ...

    def promote(self, name: str, version: int, *, expected: int) -> ModelVersion:
        """Make a version the champion if the champion still is version `expected` (0: none); called by 04_register.

        Safe to call again. Raises ConflictError where another champion has come in between.
        """
        ...

    def find_champion(self, name: str) -> ModelVersion | None:
        """Return the champion, or None before the first promotion; called by 03_evaluate, 05_create_image, status."""
        ...

    def get_version(self, name: str, version: int) -> ModelVersion:
        """Return one version; raises NotFoundError."""
        ...

    def fetch_model(self, model: ModelVersion, folder: Path) -> Path:
        """Copy a version's files to `folder` and check their hashes: nothing is loaded that has changed.

        Called by 03_evaluate, 05_create_image and 07_test_service. Raises IntegrityError.
        """
        ...


class Images(Protocol):
    """Keeps scoring images by digest."""

    def publish(self, bundle: Path, model: ModelVersion) -> Image:
        """Store a bundle under the digest of its content, once; called by 05_create_image. Safe to call again."""
        ...

    def get_image(self, digest: str) -> Image:
        """Return a stored image after checking that it is unchanged; raises NotFoundError, IntegrityError."""
        ...

    def list_files(self, image: Image) -> list[str]:
        """Return the names of the files in an image, sorted; called by 05_create_image."""
        ...

    def find_image(self, model: ModelVersion) -> Image | None:
        """Return the newest image of a model version, or None; called by 06_deploy."""
        ...


class Services(Protocol):
    """Runs scoring images, one an environment."""

    def deploy(self, environment: str, image: Image, *, port: int, ready_seconds: float, force: bool) -> Service:
        """Serve `image` at the environment's URL; called by 06_deploy.

        What served before keeps serving until the new one is ready. Safe to call again: a healthy service of the
        same digest is left alone unless `force`. Raises DeploymentError if it does not get ready, or if the digest
        has not passed its test in the environment before (production takes only what passed in QA).
        """
        ...

    def record_test(self, environment: str, digest: str, *, passed: bool) -> Service | None:
        """Record how the test of the service ended; called by 07_test_service, and by the runner for a dead one.

        A failure in production puts back what served before (or ends the service if nothing did). Returns what
        serves now. Safe to call again; a digest that is not deployed there changes nothing.
        """
        ...

    def roll_back(self, environment: str) -> Service:
        """Serve what passed its test before the present one; called by `mlops rollback`. Raises NotFoundError."""
        ...

    def stop(self, environment: str) -> bool:
        """End the service; True if one ran. Called by `mlops stop`."""
        ...

    def list_services(self) -> list[Service]:
        """Return what each environment serves, with its health as of now; called by `mlops status`."""
        ...


class Secrets(Protocol):
    """Hands out secrets, which are kept outside of notebooks, parameters, logs and images."""

    def get_secret(self, name: str) -> str:
        """Return a secret; raises NotFoundError that says how to set it."""
        ...

    def get_keys(self, environment: str) -> tuple[str, str]:
        """Return the primary and secondary key of an environment's service, made on first use."""
        ...

    def list_values(self) -> Iterable[str]:
        """Return every secret's value, so that the runner can strike them out of what notebooks print."""
        ...


class Job(Protocol):
    """One step of a submitted run, seen from the machine that executes it; all its steps share one run's folder."""

    @property
    def run_id(self) -> str:
        """The submitted run's id, which names the folder of the run."""
        ...

    def find_data(self, version: str) -> str:
        """Return the address of the registered data set in a version ("latest"), or of new data (`NEW_DATA`).

        New data is the file that has arrived last in the folder that is watched, copied to where nobody writes to it
        again. Raises NotFoundError.
        """
        ...

    def keep_data(self, url: str) -> DatasetVersion:
        """Make new data the newest version of the data set; called when `url`, from `find_data`, has passed its test.

        Safe to call again: the same content makes no second version.
        """
        ...

    def fetch_folder(self, folder: Path) -> None:
        """Copy what earlier steps have stored to `folder`; nothing where there is none yet."""
        ...

    def store_folder(self, folder: Path) -> None:
        """Store the run's folder with the run, so that the next step and people find it; whatever came of the step."""
        ...

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Record a step's numbers with the step and with the run."""
        ...

    def tag(self, tags: Mapping[str, str]) -> None:
        """Tag the submitted run: "outcome", "reason", "model_version", "skipped_register"."""
        ...


class Pipelines(Protocol):
    """Publishes the retraining pipeline, starts it, and says what became of its runs."""

    def publish(self, build_id: str, build_uri: str) -> PublishedPipeline:
        """Publish the retraining pipeline of the present sources as version `build_id`; called by `mlops publish`.

        The stable endpoint moves to it. Safe to call again: there is exactly one version for a build id.
        """
        ...

    def find_published(self) -> PublishedPipeline | None:
        """Return what the endpoint starts now, or None before the first publication."""
        ...

    def update_triggers(self) -> None:
        """Have the clock and new data start what is published as the settings say now; called by 00_provision.

        Safe to call again.
        """
        ...

    def submit(self, parameters: Mapping[str, str]) -> SubmittedRun:
        """Start the published pipeline and come back at once; called by `mlops submit`.

        `parameters`: some of model_name, dataset_version, data_file_path, caller_run_id. Raises NotFoundError before
        the first publication.
        """
        ...

    def get_run(self, run_id: str) -> SubmittedRun:
        """Return a submitted run as it stands, with its steps; raises NotFoundError."""
        ...

    def list_runs(self, most: int) -> list[SubmittedRun]:
        """Return submitted runs without their steps, newest first; called by `mlops runs`."""
        ...

    def read_log(self, run_id: str, step: str) -> str:
        """Return what a step has printed so far; raises NotFoundError."""
        ...

    def fetch_run(self, run_id: str, folder: Path) -> Path:
        """Copy the executed notebooks, reports and record of a run to `folder`; called by `mlops runs --download`."""
        ...

    def cancel(self, run_id: str) -> SubmittedRun:
        """End a submitted run; one that has ended already stays as it is."""
        ...

    def find_job(self) -> Job | None:
        """Return the step of a submitted run that this process executes, or None outside of one."""
        ...


class Infrastructure(Protocol):
    """Sets the platform up, once, and takes it away."""

    def preview(self) -> list[Change]:
        """Return what `provision` would change; changes nothing. Called by `mlops provision --what-if`."""
        ...

    def provision(self) -> list[Change]:
        """Make what is missing and return what changed; called by 00_provision. Safe to call again."""
        ...

    def require_ready(self) -> None:
        """Raise what stands in the way of a run: not logged in, not set up. Called before anything runs."""
        ...

    def find_training_data(self) -> str:
        """Return the address of the data to train on where nobody names a file; called by `mlops run`.

        "" for the problem's sample, at home; elsewhere the newest version of the data set. Raises NotFoundError.
        """
        ...

    def register_dataset(self, file: Path, *, only_first: bool = False) -> DatasetVersion:
        """Store a data file and make it the newest version of the data set; called by 00_provision.

        With `only_first`, only where there is no version yet: else the newest one is returned. Safe to call again: the
        same content makes no second version. What an older version names stays as it is.
        """
        ...

    def find_dataset(self, version: str) -> DatasetVersion:
        """Return a version of the data set, "latest" or "" for the newest; raises NotFoundError."""
        ...

    def list_billable(self, usage: Usage) -> list[Billable]:
        """Return what is billed in a month of 30 days, by the settings alone; called by `mlops cost`."""
        ...

    def preview_delete(self) -> list[Change]:
        """Return what `delete` would take away; changes nothing."""
        ...

    def delete(self) -> list[Change]:
        """Take away all that `provision` has made, with the data in it; called by `mlops provision --delete`.

        Services end first. Safe to call again: what is gone already is no error. Returns what was taken away.
        """
        ...


class Telemetry(Protocol):
    """Tells the platform's monitoring of runs."""

    def record_run(self, run: RunRecord) -> None:
        """Send a run that has ended, with its steps; called by `mlops run`.

        What cannot be sent is logged, not raised.
        """
        ...


@dataclass(frozen=True)
class Backend:
    """A platform: its parts."""

    tracker: Tracker
    registry: Registry
    images: Images
    services: Services
    secrets: Secrets
    pipelines: Pipelines
    infrastructure: Infrastructure
    telemetry: Telemetry


def check_submission(parameters: Mapping[str, str]) -> None:
    """Check the parameters of a submission; `Pipelines.submit` calls it first.

    Raises
    ------
    ParameterError
        Naming what the published pipeline takes.
    """
    for name in parameters:
        if name not in SUBMISSION_PARAMETERS:
            known = ", ".join(SUBMISSION_PARAMETERS)
            raise ParameterError(f"-p {name}: the published pipeline has no such parameter (known: {known})")
        if not parameters[name]:
            raise ParameterError(f"-p {name}: it has no value; leave it out, or write -p {name}=none")


def previous_environment(environment: str) -> str:
    """Return the environment in which an image must have passed before `environment` takes it; empty for the first."""
    place = ENVIRONMENTS.index(environment)
    return ENVIRONMENTS[place - 1] if place else ""
