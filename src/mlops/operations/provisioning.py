"""The setup and the deletion of a platform."""

# The setup is a run of the notebook 00_provision.

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from mlops.errors import WorkspaceNotFoundError
from mlops.operations.opening import OpenProject, check_steps
from mlops.operations.surroundings import surround_run
from mlops.parameters.overrides import check_overrides
from mlops.pipelines import PIPELINES, PUBLISHED, SETTING_UP, find_data_step
from mlops.platform.infrastructure import Change, Infrastructure
from mlops.record.ledger import RunRecord
from mlops.runner import Listener, Plan, run_pipeline
from mlops.runner.requirements import require_files


def require_infrastructure(opened: OpenProject) -> Infrastructure:
    """Return the platform's infrastructure.

    Raises
    ------
    UsageError
        If the platform needs no infrastructure.
    """
    return opened.backend.require(opened.backend.infrastructure, "setting up infrastructure")


def preview_changes(opened: OpenProject, *, delete: bool = False) -> Sequence[Change]:
    """Return the changes that would set the platform up or, with `delete`, delete it.

    Raises
    ------
    UsageError
        If the platform needs no infrastructure, if an override is for a step that does not run, or if the data file
        does not exist.
    """
    steps = PIPELINES[SETTING_UP]
    check_overrides(opened.overrides, SETTING_UP, steps)
    require_files(steps, opened.parameters.values)
    infrastructure = require_infrastructure(opened)
    return infrastructure.preview_delete() if delete else infrastructure.preview()


def provision_platform(opened: OpenProject, listeners: Sequence[Listener] = ()) -> RunRecord:
    """Set the platform up, as a run with a report, and return the record of the run.

    Parameters
    ----------
    opened : OpenProject
        The project on the platform.
    listeners : sequence of Listener
        Notified of the progress.

    Raises
    ------
    ProblemError
        If a notebook or a file of the image does not fit the problem; see `check_steps`.
    """
    backend = opened.backend
    check_steps(opened, PIPELINES[PUBLISHED])  # the notebook 00_provision publishes this pipeline

    def list_secrets() -> Iterable[str]:
        with suppress(WorkspaceNotFoundError):  # the workspace stores secrets, and may not exist yet
            yield from backend.secrets.list_values()

    steps = PIPELINES[SETTING_UP]
    data = find_data_step(steps)
    named = bool(data and opened.parameters.values[data.name].get(data.takes_data))
    around = replace(surround_run(opened, listeners), secrets=list_secrets)
    # If the user names a file, the data test always runs, because only a test registers the file. A reused result may
    # be that of the sample data, which is registered only if the data set has no version yet.
    return run_pipeline(Plan(SETTING_UP, steps, opened.parameters, force=named), around)
