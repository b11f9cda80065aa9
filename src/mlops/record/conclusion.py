"""The conclusion of a run: its outcome, the reason for it, and its model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mlops.pipelines import ALL_STEPS
from mlops.pipelines.step import Step
from mlops.record.ledger import RunRecord
from mlops.record.summary import describe_end, find_model_name, find_model_version, find_override


@dataclass(frozen=True)
class Conclusion:
    """The conclusion of a run. Fields that are not known yet, while the run is in progress, are empty.

    Parameters
    ----------
    outcome, reason : str
        The outcome, such as "promoted", and the reason for it; empty while the run has no outcome.
    model_name : str
        The model that the run registered or deployed; empty if there is none.
    model_version : int
        The version of this model; 0 if there is no model.
    skipped : mapping of str to str
        For each skipped step, by its name, the reason why it was skipped.
    override : str
        The reason why a person promoted the model although the gate rejected it; empty if nobody did.
    """

    outcome: str = ""
    reason: str = ""
    model_name: str = ""
    model_version: int = 0
    skipped: Mapping[str, str] = field(default_factory=dict)
    override: str = ""


def conclude_run(run: RunRecord, steps: Iterable[Step] = ALL_STEPS) -> Conclusion:
    """Return the conclusion of a run.

    Parameters
    ----------
    run : RunRecord
        The run, which may be in progress.
    steps : iterable of Step
        The steps of the pipeline.
    """
    steps = tuple(steps)
    name, version = find_model_name(run, steps), find_model_version(run, steps)
    return Conclusion(
        outcome=run.outcome,
        reason=_find_end_reason(run, steps) if run.outcome else "",
        model_name=str(name or ""),
        model_version=version if isinstance(version, int) else 0,
        skipped={step.name: step.reason for step in run.steps if step.state == "skipped"},
        override=find_override(run, steps),
    )


def _find_end_reason(run: RunRecord, steps: Iterable[Step]) -> str:
    if why := describe_end(run, steps):
        return why
    idle = all(step.state == "skipped" for step in run.steps)
    return next((step.reason for step in run.steps if step.reason), "") if idle else ""
