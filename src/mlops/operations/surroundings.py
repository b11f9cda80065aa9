"""The surroundings of a run: the project, the listeners, and the platform functions that the run calls."""

from collections.abc import Sequence

from mlops.errors import PlatformError
from mlops.operations.data import DataRegistrar
from mlops.operations.opening import OpenProject
from mlops.operations.overview import read_overview
from mlops.pipelines.step import Step
from mlops.platform.services import Ending, Service
from mlops.platform.trainings import TrainingRun
from mlops.portal.reporter import Reporter
from mlops.record.ledger import StepRecord
from mlops.runner import Listener, Serving, Surroundings
from mlops.runner.telemetry_listener import TelemetryListener


def surround_run(
    opened: OpenProject,
    listeners: Sequence[Listener] = (),
    registrar: DataRegistrar | None = None,
    *,
    is_job: bool = False,
) -> Surroundings:
    """Return the surroundings of a run: the project, the listeners, and the functions of the platform.

    Parameters
    ----------
    opened : OpenProject
        The project on its platform.
    listeners : sequence of Listener
        Listeners that are called before the reports are written.
    registrar : DataRegistrar, optional
        The listener that registers the data after its test passed.
    is_job : bool
        Whether the platform started this machine for one step. If so, the index page is not written.
    """
    backend = opened.backend

    def restore(environment: str, digest: str, ending: Ending) -> None:
        if ending == "interrupted":
            backend.services.abandon_test(environment, digest)
            return
        answered = ending == "failed"
        try:
            backend.services.record_test(environment, digest, passed=False, answered=answered)
        except PlatformError:
            if answered:
                raise
            # Neither the service nor the platform answers. The state of the service is unknown, so it is kept as it is.

    def observe(name: str) -> str:
        champion = backend.registry.find_champion(opened.model_name)
        return champion.identity if champion else ""

    def find_service(environment: str) -> Service | None:
        return next((at for at in backend.services.list_services() if at.environment == environment), None)

    def find_deployed(environment: str) -> str:
        found = find_service(environment)
        return found.digest if found else ""

    def find_serving(environment: str) -> Serving:
        found = find_service(environment)
        if found is None or found.health == "stopped":
            return Serving("nothing")
        return Serving(f"{found.model}, which is {found.condition}", found.digest)

    def is_kept(step: Step, found: StepRecord) -> bool:
        if not step.trains:
            return True
        run_id, files = found.results[step.trains.run], found.results[step.trains.files]
        return backend.tracker.has_files(TrainingRun(run_id, files))

    own: list[Listener] = [registrar] if registrar else []
    own.append(Reporter(opened.workspace.outputs, lambda: None if is_job else read_overview(opened)))
    if backend.telemetry:
        own.append(TelemetryListener(backend.telemetry))
    return Surroundings(
        opened.project,
        (*listeners, *own),
        backend.secrets.list_values,
        restore,
        observe,
        is_kept,
        find_deployed,
        find_serving,
    )
