"""The schedules that start the published pipeline: at fixed intervals, and for new data."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.pipelines.sdk_objects import SdkSchedule
from mlops.errors import PlatformError
from mlops.platform.datasets import NEW_DATA
from mlops.platform.submission import Submission

PROVISIONING, COMPLETED = "Provisioning", "Completed"
WAIT_SECONDS, MOST_PAUSE = 600.0, 10.0
INTERVALS = {  # time until the first run, because Azure would otherwise start it immediately
    "Minute": timedelta(minutes=1),
    "Hour": timedelta(hours=1),
    "Day": timedelta(days=1),
    "Week": timedelta(weeks=1),
    "Month": timedelta(days=28),
}


@dataclass(frozen=True)
class Trigger:
    """A schedule: it has a `frequency`, or a `path` that Azure checks for new files every `minutes` minutes."""

    name: str
    endpoint_id: str
    frequency: str = ""
    path: str = ""
    minutes: int = 0


class Schedules:
    """The schedules that start the published pipeline.

    Parameters
    ----------
    session : AzureSession
        The connection to the workspace.
    now : callable
        A function that returns the current time in UTC.
    """

    def __init__(self, session: AzureSession, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._session = session
        self._now = now

    @property
    def _name(self) -> str:
        return self._session.settings.require_name("pipeline")

    def list_wanted(self, endpoint_id: str) -> list[Trigger]:
        """Return the schedules that the settings ask for; `endpoint_id` is the id of the pipeline's endpoint."""
        settings = self._session.settings
        wanted = []
        if settings.recurrence != "none":
            wanted.append(Trigger(f"{self._name}-recurrence", endpoint_id, settings.recurrence.capitalize()))
        if settings.data_trigger_path:
            path, minutes = settings.data_trigger_path.rstrip("/"), settings.data_trigger_minutes
            wanted.append(Trigger(f"{self._name}-new-data", endpoint_id, path=path, minutes=minutes))
        return wanted

    def update(self, endpoint_id: str) -> None:
        """Create missing schedules, and disable duplicates and schedules that differ from the settings.

        Safe to repeat, even from two processes at once.

        Raises
        ------
        PlatformError
            If Azure fails to set up a new schedule.
        """
        wanted = self.list_wanted(endpoint_id)
        for found in self._list_active():
            if read_trigger(found) in wanted and self._wait_until_set_up(found) != COMPLETED:
                _disable(found)
        for trigger in wanted:
            if trigger not in [read_trigger(found) for found in self._list_active()]:
                self._create(trigger)
        kept: list[Trigger] = []
        for found in self._list_active():
            trigger = read_trigger(found)
            if trigger in wanted and trigger not in kept:
                kept.append(trigger)
            else:
                _disable(found)

    def _list_active(self) -> list[SdkSchedule]:
        from azureml.pipeline.core import Schedule

        names = {f"{self._name}-recurrence", f"{self._name}-new-data"}
        found = [schedule for schedule in Schedule.list(self._session.workspace) if schedule.name in names]
        # sorted, so that two processes that create the same schedule keep the same one
        return sorted(found, key=lambda schedule: str(schedule.id))

    def _create(self, trigger: Trigger) -> None:
        from azureml.pipeline.core import Schedule, ScheduleRecurrence

        workspace = self._session.workspace
        if trigger.frequency:
            first = self._now() + INTERVALS[trigger.frequency]
            start = first.strftime("%Y-%m-%dT%H:%M:%S")
            when: dict[str, object] = {"recurrence": ScheduleRecurrence(trigger.frequency, 1, start_time=start)}
        else:
            store = workspace.get_default_datastore()
            when = {
                "datastore": store,
                "path_on_datastore": trigger.path,
                "polling_interval": trigger.minutes,
                # without this parameter, the run would train on the newest registered version
                "pipeline_parameters": Submission(dataset_version=NEW_DATA).list_given(),
            }
        try:
            made: SdkSchedule = Schedule.create_for_pipeline_endpoint(
                workspace, trigger.name, trigger.endpoint_id, experiment_name=self._name, **when
            )
        except SystemError as error:  # raised by the SDK if the schedule has already failed
            raise _explain_failure(trigger) from error
        if self._wait_until_set_up(made) != COMPLETED:
            _disable(made)
            raise _explain_failure(trigger)

    def _wait_until_set_up(self, schedule: SdkSchedule) -> str:
        pause = float(self._session.settings.retry_seconds)
        deadline = time.monotonic() + WAIT_SECONDS
        while (state := schedule._schedule_provider.get_schedule_provisioning_status(schedule.id)) == PROVISIONING:
            if time.monotonic() > deadline:
                raise PlatformError(
                    f"Azure is still setting up the schedule {schedule.name} after {WAIT_SECONDS:.0f} s. Run `mlops "
                    "publish --platform azure` again."
                )
            time.sleep(pause)
            pause = min(2 * pause, MOST_PAUSE)
        return state


def _disable(schedule: SdkSchedule) -> None:
    with suppress(SystemError):  # the SDK disables the schedule, then raises this if Azure had failed to set it up
        schedule.disable()


def _explain_failure(trigger: Trigger) -> PlatformError:
    return PlatformError(
        f"Azure could not set up the schedule {trigger.name} and gave no reason. Run `mlops publish --platform azure` "
        "again. If that fails, too, change azure.recurrence or azure.data_trigger_path."
    )


def read_trigger(schedule: SdkSchedule) -> Trigger:
    """Return a schedule of the SDK as a `Trigger`."""
    if schedule.recurrence:
        return Trigger(schedule.name, schedule.pipeline_endpoint_id, schedule.recurrence.frequency)
    return Trigger(
        schedule.name,
        schedule.pipeline_endpoint_id,
        path=schedule.path_on_datastore or "",
        minutes=schedule.polling_interval or 0,
    )
