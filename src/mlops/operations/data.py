"""The data that a run uses, and the registration of a new version of the data set."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlops.errors import DataTestFailed, ProblemError
from mlops.operations.opening import OpenProject
from mlops.parameters.lookup import SHARED
from mlops.parameters.merging import Parameters
from mlops.pipelines import ALL_STEPS, SETTING_UP, find_data_step
from mlops.pipelines.step import Step
from mlops.platform.datasets import Datasets, DatasetVersion
from mlops.problem import Problem
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.listener import Listener


def is_sample_asked(opened: OpenProject, step: Step) -> bool:
    """Return whether an override sets the data file to "", by which the user asks for the problem's sample data.

    `step` is the step that tests the data.
    """
    places = (SHARED, step.name, step.notebook_name)
    given = [found.value for found in opened.overrides if found.name == step.takes_data and found.step in places]
    return given[-1:] == [""]


def choose_data(opened: OpenProject, parameters: Parameters, step: Step) -> Parameters:
    """Return the parameters, changed so that `step`, which tests the data, reads the newest version of the data set.

    If the user names a file or asks for the sample data, or if the data set has no version yet, the parameters are
    returned unchanged.

    Raises
    ------
    ProblemError
        If the newest version lacks a column that the problem declares.
    """
    given = parameters.values[step.name]
    named = given.get(step.takes_data) or is_sample_asked(opened, step)
    newest = None if named else opened.backend.datasets.find_newest()
    if newest is None:
        return parameters
    require_columns(opened, newest, step)
    return replace(parameters, values={**parameters.values, step.name: {**given, step.takes_data: newest.url}})


def require_columns(opened: OpenProject, version: DatasetVersion, step: Step) -> None:
    """Raise an error if a version of the data set lacks a column that the problem declares.

    `step` is the step that tests the data. If the columns of the version are not recorded, do nothing.

    Raises
    ------
    ProblemError
        If a column is missing.
    """
    problem, options, name = opened.problem, opened.command_options, step.takes_data
    required = [column.name for column in problem.columns if column.role != "ignored"]
    missing = [name for name in required if name not in version.columns] if version.columns else []
    if not missing:
        return
    others = f" and {len(missing) - 1} more columns" if missing[1:] else ""
    has_sample = type(problem).load_sample is not Problem.load_sample
    sample = f", or `mlops run build -p {step.name}.{name}={options}` for its sample data"
    raise ProblemError(
        f"{version.name} version {version.version} ({version.url}) has no column {missing[0]!r}{others}, which the "
        f"problem {problem.name!r} declares. To register data that fits the problem, run "
        f"`mlops {SETTING_UP} -p {name}=FILE{options}`{sample if has_sample else ''}."
    )


def describe_data(run: RunRecord, datasets: Datasets, steps: Iterable[Step] = ALL_STEPS) -> str:
    """Return the name of the data that passed its test in a run: "churn version 2", a path, or "" if none passed.

    Raises
    ------
    PlatformError
        If the platform cannot be reached.
    """
    step = find_data_step(steps)
    tested = run.step(step.name) if step else None
    if step is None or tested is None or not tested.has_results:
        return ""
    url, newest = str(tested.results.get(step.takes_data, "")), datasets.find_newest()
    return f"{newest.name} version {newest.version}" if newest and newest.url == url else url


@dataclass(frozen=True)
class RefusedData:
    """Data that failed its test: the file as the user typed it, and whether the file is a version of the data set."""

    file: str
    is_version: bool


def find_refused(run: RunRecord, datasets: Datasets, steps: Iterable[Step] = ALL_STEPS) -> RefusedData | None:
    """Return the data that failed its test in a run, or None.

    Raises
    ------
    PlatformError
        If the platform cannot be reached.
    """
    step = find_data_step(steps)
    tested = run.step(step.name) if step else None
    if step is None or tested is None or tested.state != "failed" or tested.error_kind != DataTestFailed.__name__:
        return None
    file, newest = str(tested.parameters.get(step.takes_data, "")), datasets.find_newest()
    return RefusedData(file, newest is not None and newest.url == file) if file else None


class DataRegistrar(Listener):
    """A listener that registers a new version of the data set after the data test passed.

    Parameters
    ----------
    datasets : Datasets
        The platform's store of versions.
    new : str
        The address of the new data; empty if there is none.
    registered : callable, optional
        Called with the version of the data set that contains the tested data.
    steps : iterable of Step
        The project's steps, one of which tests the data.
    """

    def __init__(
        self,
        datasets: Datasets,
        new: str = "",
        registered: Callable[[DatasetVersion], None] | None = None,
        *,
        steps: Iterable[Step] = ALL_STEPS,
    ) -> None:
        self._datasets = datasets
        self._step = find_data_step(steps)
        self._new = new
        self._registered = registered

    def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Register the tested data if this step is a data test that passed."""
        declared = self._step
        if declared is None or step.name != declared.name or not step.has_results:
            return step
        parameters = _find_parameters_of_step(run, step)
        given = parameters.get(declared.takes_data, "")
        if given in ("", self._new):
            # If the name is recorded as empty, the user asked for the sample data; see `choose_data`.
            newest = None if declared.takes_data in parameters else self._datasets.find_newest()
            version = newest or self._datasets.register(str(step.results[declared.takes_data]))
            if self._registered:
                self._registered(version)
        return step


def _find_parameters_of_step(run: RunRecord, step: StepRecord) -> Mapping[str, Any]:
    return run.settings.parameters.values.get(step.name, {}) if run.settings.parameters else step.parameters
