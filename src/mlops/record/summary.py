"""The model and the data of a run, read from the results that its steps declare."""

from collections.abc import Callable, Iterable, Mapping

from mlops.pipelines import ALL_STEPS, ROLLBACK
from mlops.pipelines.step import Step
from mlops.record.ledger import RunRecord, StepRecord

TAKEN_OUT, SERVES = "rolled_back", "serves"  # the names of a rollback's results: the model before and after it
ROLLED_BACK = "rolled back"  # the outcome of a rollback
REFUSED = "refused"  # shown for a step that ran but refused to act, for example to deploy
OVERRULED = "gate overruled"  # marks a model that a person promoted although the gate had rejected it


def has_step(run: RunRecord, is_wanted: Callable[[Step], object], steps: Iterable[Step] = ALL_STEPS) -> bool:
    """Return whether the run has a step for which `is_wanted` is true, even if this step was not executed."""
    names = {step.name for step in steps if is_wanted(step)}
    return any(step.name in names for step in run.steps)


def find_reason(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> str:
    """Return the reason for the decision, refusal or rollback in a run; "" if there is none yet."""
    if run.pipeline == ROLLBACK:
        return _describe_rollback(run)
    steps = tuple(steps)
    found = find_refusal(run, steps) or _find_last_result(run, {step.name: step.decides.reason for step in steps})
    return "" if found is None else str(found)


def find_refusal(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> str:
    """Return the reason why a step refused to act, for example to deploy; "" if no step refused."""
    declared = {step.name: step.refuses for step in steps if step.refuses}
    said = (str(step.results.get(declared[step.name], "")) for step in run.steps if step.name in declared)
    return next((refusal for refusal in said if refusal), "")


def name_end(step: StepRecord, steps: Iterable[Step] = ALL_STEPS) -> str:
    """Describe how a step ended: "refused" if it refused to act, otherwise its state."""
    declared = next((found.refuses for found in steps if found.name == step.name), "")
    return REFUSED if step.has_results and step.results.get(declared) else step.ending


def find_model(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> str:
    """Return the model that the run registered or deployed: "churn version 2"; "" if there is none."""
    if run.pipeline == ROLLBACK:
        return str(run.result(SERVES) or "")
    acted = _list_steps_that_acted(run, steps)
    return _find_name_and_version(reversed(run.steps), {step.name: step.names_model for step in acted})


def find_model_name(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> object:
    """Return the name of the model that the run registered or deployed, or None."""
    acted = _list_steps_that_acted(run, steps)
    return _find_last_result(run, {step.name: step.names_model.name for step in acted if step.names_model})


def find_model_version(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> object:
    """Return the version of the model that the run registered or deployed, or None."""
    acted = _list_steps_that_acted(run, steps)
    return _find_last_result(run, {step.name: step.names_model.version for step in acted if step.names_model})


def _list_steps_that_acted(run: RunRecord, steps: Iterable[Step]) -> list[Step]:
    return [step for step in steps if not find_refusal(run, [step])]


def find_dataset(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> str:
    """Return the version of the data set that the run registered: "churn version 2"; "" if there is none."""
    return _find_name_and_version(run.steps, {step.name: step.names_dataset for step in steps})


def name_rollback(
    taken_out: str, serves: str, environment: str, by: str, reason: str, *, verb: str = "", at: str = ""
) -> str:
    """Describe a rollback: the two models, environment, time, user and reason.

    Parameters
    ----------
    taken_out, serves : str
        The model that was rolled back, and the model that serves instead, with their versions.
    environment, by, reason : str
        The environment, the user who rolled back, and the user's reason. `by` and `reason` may be empty.
    verb : str
        The verb that makes the text a sentence, such as " was rolled back"; empty for a text without a verb.
    at : str
        The time of the rollback, in UTC and ISO 8601; empty to leave it out.
    """
    when = f" on {at.replace('T', ' ').removesuffix('Z')} UTC" if at else ""
    who = f" by {by}" if by else ""
    return f"{taken_out}{verb} to {serves} in {environment}{when}{who} ({reason or 'no reason was given'})"


def _describe_rollback(run: RunRecord) -> str:
    done = next((step for step in run.steps if step.has_results), None)
    if done is None:
        return ""
    return name_rollback(done.results[TAKEN_OUT], done.results[SERVES], done.environment, run.by, run.reason)


def _find_name_and_version(records: Iterable[StepRecord], declared: Mapping[str, tuple[()] | tuple[str, str]]) -> str:
    for step in records:
        names = declared.get(step.name)
        if names and step.has_results and all(name in step.results for name in names):
            return "{} version {}".format(*(step.results[name] for name in names))
    return ""


def find_override(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> str:
    """Return the reason why a person promoted the model although the gate had rejected it, or ""."""
    return str(_find_last_result(run, {step.name: step.overridden for step in steps}) or "")


def find_decision(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> bool | None:
    """Return True if the run decided to promote its model, False if it rejected the model; None before the decision."""
    found = _find_last_result(run, {step.name: step.decides.result for step in steps})
    return None if found is None else bool(found)


def count_more_rows(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> int | None:
    """Return how many rows the data lacked for a decision about the model; 0 if none, None if unknown."""
    names = {step.name: step.decides.more_rows for step in steps}
    if not any(names.get(step.name) in step.results for step in run.steps):
        return 0  # a record of an older version
    found = _find_last_result(run, names)
    return found if isinstance(found, int) else None


def describe_failure(run: RunRecord) -> str:
    """Return the failed step and the error of a run: "train: ValueError: no rows"; "" if there was no error."""
    return next((step.cause for step in run.steps if step.cause), run.error)


def describe_end(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> str:
    """Return the error of a run, or the reason for its decision."""
    return describe_failure(run) if run.outcome == "error" else find_reason(run, steps)


def describe_outcome(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> str:
    """Describe why a run ended: its failure, or its decision with the full reason. Return "" if it has neither."""
    if run.failure and run.failure.place:
        return run.failure.place
    if run.error:
        return run.error
    steps = tuple(steps)
    if refusal := find_refusal(run, steps):
        return refusal
    if run.outcome in ("promoted", "rejected"):
        return find_reason(run, steps)
    reason, promote = find_reason(run, [step for step in steps if _decided_here(run, step)]), find_decision(run, steps)
    if not reason or promote is None:
        return reason
    return f"the decision is {'to promote the model' if promote else 'not to promote the model'}. {reason}"


def _decided_here(run: RunRecord, step: Step) -> bool:
    found = run.step(step.name)
    return found is not None and (not run.settings.only or run.settings.only == step.name)


def _find_last_result(run: RunRecord, names: Mapping[str, str]) -> object:
    for step in reversed(run.steps):
        name = names.get(step.name)
        if name and name in step.results:
            return step.results[name]
    return None
