"""The schedules that start the pipeline: by the clock, and for new data in the default datastore."""

from dataclasses import dataclass

from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.pipelines.sdk_objects import SdkSchedule
from mlops.platform.datasets import NEW_DATA
from mlops.platform.submission import Submission


@dataclass(frozen=True)
class Trigger:
    """A schedule as it should be; `frequency` of the clock, or `path` and `minutes` of the datastore."""

    name: str
    endpoint_id: str
    frequency: str = ""
    path: str = ""
    minutes: int = 0


class Schedules:
    """The schedules of one pipeline's endpoint: they start whatever version it has at that time."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
        self._name = session.settings.pipeline

    def list_wanted(self, endpoint_id: str) -> list[Trigger]:
        """Return the triggers that the settings ask for."""
        settings = self._session.settings
        wanted = []
        if settings.recurrence != "none":
            wanted.append(Trigger(f"{self._name}-recurrence", endpoint_id, settings.recurrence.capitalize()))
        if settings.data_trigger_path:
            path, minutes = settings.data_trigger_path.rstrip("/"), settings.data_trigger_minutes
            wanted.append(Trigger(f"{self._name}-new-data", endpoint_id, path=path, minutes=minutes))
        return wanted

    def update(self, endpoint_id: str) -> None:
        """Make what is missing and disable what is not wanted, so that there is exactly one active one of each.

        Safe to call again. If two processes do at once, both keep the schedule with the lower id.
        """
        wanted = self.list_wanted(endpoint_id)
        for trigger in wanted:
            if trigger not in [read_trigger(found) for found in self._list_active()]:
                self._create(trigger)
        kept: list[Trigger] = []
        for found in self._list_active():
            trigger = read_trigger(found)
            if trigger in wanted and trigger not in kept:
                kept.append(trigger)
            else:
                found.disable()

    def _list_active(self) -> list[SdkSchedule]:
        from azureml.pipeline.core import Schedule

        names = {f"{self._name}-recurrence", f"{self._name}-new-data"}
        found = [schedule for schedule in Schedule.list(self._session.workspace) if schedule.name in names]
        return sorted(found, key=lambda schedule: str(schedule.id))

    def _create(self, trigger: Trigger) -> None:
        from azureml.pipeline.core import Schedule, ScheduleRecurrence

        workspace = self._session.workspace
        if trigger.frequency:
            when: dict[str, object] = {"recurrence": ScheduleRecurrence(trigger.frequency, 1)}
        else:
            store = workspace.get_default_datastore()
            when = {
                "datastore": store,
                "path_on_datastore": trigger.path,
                "polling_interval": trigger.minutes,
                # without it, the run would train on the old data
                "pipeline_parameters": Submission(dataset_version=NEW_DATA).list_given(),
            }
        Schedule.create_for_pipeline_endpoint(
            workspace, trigger.name, trigger.endpoint_id, experiment_name=self._name, **when
        )


def read_trigger(schedule: SdkSchedule) -> Trigger:
    """Return what a schedule of the workspace does."""
    if schedule.recurrence:
        return Trigger(schedule.name, schedule.pipeline_endpoint_id, schedule.recurrence.frequency)
    return Trigger(
        schedule.name,
        schedule.pipeline_endpoint_id,
        path=schedule.path_on_datastore or "",
        minutes=schedule.polling_interval or 0,
    )
