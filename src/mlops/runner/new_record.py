"""The creation of the record of a new run."""

from typing import Any

from mlops.record.clock import now
from mlops.record.ledger import RunRecord, RunSettings, StepRecord, number_run
from mlops.record.lineage import find_commit
from mlops.record.processes import own_process
from mlops.record.user import find_user
from mlops.runner.plan import Plan, Surroundings


def begin_record(plan: Plan, surroundings: Surroundings, run_id: str) -> RunRecord:
    """Return the record of a run that is about to start."""
    commit = find_commit(surroundings.workspace.project)
    return RunRecord(
        run_id=run_id,
        pipeline=plan.pipeline,
        platform=plan.parameters.platform,
        state="running",
        started=now(),
        git_commit=commit.name,
        process=own_process(),
        steps=tuple(StepRecord(step.name, step.notebook, step.environment) for step in plan.steps),
        settings=RunSettings(
            plan.parameters,
            plan.only,
            plan.force,
            _list_defaults(plan, surroundings),
            surroundings.project.base.problem,
        ),
        order=number_run(surroundings.workspace.outputs),
        git_problem=commit.problem,
        by=find_user(),
    )


def _list_defaults(plan: Plan, surroundings: Surroundings) -> dict[str, dict[str, Any]]:
    declared = {step.name: surroundings.project.declared(step.notebook) for step in plan.steps}
    return {step: {name: found.default for name, found in names.items()} for step, names in declared.items()}
