"""The check of a run, which compares its executed notebooks with the committed notebooks."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mlops.errors import RunNotFoundError, UsageError
from mlops.parameters.declarations import Parameter, read_declarations
from mlops.parameters.layers import BASE, MODEL_NAME, read_layer
from mlops.parameters.lookup import RESERVED, RUN_FOLDER, SWEEP_TRACKING
from mlops.pipelines import ROLLBACK, SWEEP
from mlops.record.ledger import RunRecord, StepRecord, list_runs, read_run
from mlops.regression.comparison import Comparison, compare_notebooks
from mlops.regression.declaring import compare_scraps
from mlops.regression.notebook import read_notebook
from mlops.regression.values import Difference, Sanitizer, read_sanitizer
from mlops.scraps import name_copy

SANITIZER = "sanitize.cfg"  # a file in the folder of the notebooks; nbval reads it, too


@dataclass(frozen=True)
class Verdict:
    """The result of checking a run.

    Parameters
    ----------
    run_id, pipeline, outcome : str
        The run's id, pipeline and outcome.
    same : bool
        Whether all compared outputs are the same, within their tolerances. False if nothing was compared.
    seconds : float
        The duration of the check, in seconds.
    notebooks : tuple of Comparison
        The result for each notebook, in the order of the run.
    advice : str
        What to do if outputs differ or nothing was compared. Empty if all outputs are the same.
    """

    run_id: str
    pipeline: str
    outcome: str
    same: bool
    seconds: float
    notebooks: tuple[Comparison, ...]
    advice: str = ""

    @property
    def is_empty(self) -> bool:
        """True if nothing was compared."""
        return not any(found.compared or found.differences for found in self.notebooks)


def find_run(outputs: Path, name: str = "") -> Path:
    """Return the folder of a run.

    Parameters
    ----------
    outputs : Path
        The folder of the runs.
    name : str
        The id of a run, or the path of its folder. Empty for the newest successful run.

    Raises
    ------
    UsageError
        If there is no such run.
    """
    if name:
        folder = Path(name) if Path(name, "run.json").is_file() else outputs / name
        if not (folder / "run.json").is_file():
            raise UsageError(f"There is no run {name!r} in {outputs}. `mlops status` lists the latest runs.")
        return folder
    runs = (run for run in list_runs(outputs) if run.state == "succeeded" and run.pipeline not in (SWEEP, ROLLBACK))
    succeeded = next(runs, None)
    if succeeded is None:
        raise UsageError(f"No run in {outputs} has succeeded yet. Run `mlops run all` first.")
    return outputs / succeeded.run_id


def check_run(folder: Path, notebooks: Path) -> Verdict:
    """Compare the executed notebooks of a run with the committed notebooks, and return the verdict.

    Parameters
    ----------
    folder : Path
        The run's folder.
    notebooks : Path
        The folder of the committed notebooks.

    Raises
    ------
    UsageError
        If there is no such run, if the run is still running or did not execute a notebook, or if the metadata of a
        notebook is invalid.
    IntegrityError
        If a file is damaged.
    """
    began = time.perf_counter()
    try:
        run = read_run(folder)
    except RunNotFoundError as error:
        raise UsageError(str(error)) from error
    run = _leave_out_sweep_summary(run)
    _require_ended(run)
    sanitizer = read_sanitizer(notebooks / SANITIZER)
    compared = tuple(_check_step(step, run.pipeline, folder, notebooks, sanitizer) for step in run.steps)
    differ = any(found.differences for found in compared)
    same = not differ and any(found.compared for found in compared)
    advice = "" if same else _advise(run, compared, folder, notebooks)
    return Verdict(run.run_id, run.pipeline, run.outcome, same, time.perf_counter() - began, compared, advice)


def _leave_out_sweep_summary(run: RunRecord) -> RunRecord:
    return replace(run, steps=tuple(step for step in run.steps if step.name != SWEEP or step.state == "failed"))


def _require_ended(run: RunRecord) -> None:
    if run.pipeline == ROLLBACK:
        raise UsageError(
            f"Run {run.run_id} is a rollback, which runs no notebooks, so there is nothing to compare. "
            "Name another run."
        )
    if run.state in ("running", "waiting"):
        raise UsageError(f"Run {run.run_id} is still running. Wait for it, or name another run.")
    if not any(step.has_results or step.state == "failed" for step in run.steps):
        raise UsageError(
            f"Run {run.run_id} did not execute a notebook, so there is nothing to compare. Name another run."
        )


def _check_step(step: StepRecord, pipeline: str, folder: Path, notebooks: Path, sanitizer: Sanitizer) -> Comparison:
    copy = name_copy(step.notebook, step.environment)
    name = Path(copy).stem
    if step.state == "failed":
        failure = Difference("the step", f"failed: {step.error}")
        return Comparison(name, differences=(failure,), skipped="not compared: the step failed")
    if not step.has_results:
        return Comparison(name, skipped=f"not run: {step.reason}" if step.reason else "not run")
    if missing := _find_missing_file(step, folder, notebooks):
        absence = Difference(missing.name, f"is missing in {missing.parent}")
        return Comparison(name, differences=(absence,), skipped="not compared: a file is missing")
    source = notebooks / f"{step.notebook}.ipynb"
    other = _describe_changed_parameters(step, source)
    if pipeline == SWEEP and not step.source and _list_changed_parameters(step, _read_committed(source), RESERVED):
        return Comparison(name, skipped=f"not compared: the best combination has {other}")
    found = compare_notebooks(name, read_notebook(source), read_notebook(folder / copy), sanitizer)
    notes = (step.reason if step.source else "", f"run with {other}" if other else "")
    return replace(found, notes=(*filter(None, notes), *found.notes))


def _find_missing_file(step: StepRecord, folder: Path, notebooks: Path) -> Path | None:
    files = notebooks / f"{step.notebook}.ipynb", folder / name_copy(step.notebook, step.environment)
    return next((path for path in files if not path.is_file()), None) if step.has_results else None


def _describe_changed_parameters(step: StepRecord, source: Path) -> str:
    declared = _read_committed(source)
    return ", ".join(
        f"{name}={step.parameters[name]!r} (committed: {declared[name].default!r})"
        for name in _list_changed_parameters(step, declared)
    )


def _read_committed(notebook: Path) -> Mapping[str, Parameter]:
    declared, base = read_declarations(notebook), notebook.parent.parent / "parameters" / f"{BASE}.yml"
    named = read_layer(base).shared.get(MODEL_NAME) if base.is_file() else None
    if named and MODEL_NAME in declared and not declared[MODEL_NAME].default:
        declared[MODEL_NAME] = replace(declared[MODEL_NAME], default=named.value)
    return declared


def _list_changed_parameters(
    step: StepRecord, declared: Mapping[str, Parameter], ignored: Sequence[str] = (RUN_FOLDER, SWEEP_TRACKING)
) -> list[str]:
    given = {name: value for name, value in step.parameters.items() if name in declared and name not in ignored}
    return [name for name, value in given.items() if value != declared[name].default]


def _advise(run: RunRecord, compared: Sequence[Comparison], folder: Path, notebooks: Path) -> str:
    if not any(found.differences for found in compared):
        return "Compare a run that has the committed parameters and results. `mlops status` lists the latest runs."
    failed = next((step.name for step in run.steps if step.state == "failed"), "")
    if failed:
        return f"The step {failed} failed. Repair it, and run the pipeline again."
    if any(_find_missing_file(step, folder, notebooks) for step in run.steps):
        return "Restore the missing files, or compare another run."
    # The first step with differences can cause differences in later steps, so only its parameters matter.
    step = next(step for step, found in zip(run.steps, compared, strict=True) if found.differences)
    declared = _read_committed(notebooks / f"{step.notebook}.ipynb")
    others = [f"{step.name}.{name}" for name in _list_changed_parameters(step, declared, RESERVED)]
    if others:
        return f"The run did not use the committed values of {', '.join(others)}. Compare a run that uses them."
    confirm = " CONFIRM=1" if any(_hands_on_other_results(step, folder) for step in run.steps) else ""
    return f"If the new outputs are right, run `make notebooks{confirm}` and commit the notebooks."


def _hands_on_other_results(step: StepRecord, folder: Path) -> bool:
    if not step.has_results:
        return False
    executed = json.loads((folder / name_copy(step.notebook, step.environment)).read_bytes())
    return bool(compare_scraps(executed, step.notebook))
