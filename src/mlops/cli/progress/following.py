"""The command that the summary of a run suggests as the next one."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence

from mlops.operations.data import RefusedData
from mlops.parameters.declarations import Parameter
from mlops.parameters.lookup import SHARED
from mlops.pipelines import PIPELINES, SERVING_AGAIN
from mlops.pipelines.advice import DATA_PARAMETER
from mlops.pipelines.step import Step
from mlops.platform.models import ModelVersion
from mlops.record.ledger import RunRecord
from mlops.record.reuse import list_overtaken
from mlops.record.summary import count_more_rows, find_decision, find_refusal
from mlops.release.next_release import NextRelease


def find_following(
    run: RunRecord,
    program: str,
    platform_option: str = "",
    given: Iterable[str] = (),
    refused: RefusedData | None = None,
    pipelines: Mapping[str, Sequence[Step]] = PIPELINES,
    declared: Callable[[str], Mapping[str, Parameter]] = lambda notebook: {},
    release: NextRelease | None = None,
    champion: ModelVersion | None = None,
) -> str:
    """Return the command to suggest after a run, or "" if there is nothing left to do.

    Parameters
    ----------
    run : RunRecord
        A finished run.
    program, platform_option : str
        This program as the user would type it, and the option that selects the run's platform.
    given : iterable of str
        The overrides that the user typed, such as "shared.model_name=other". The suggested command repeats the
        overrides that apply to it.
    refused : RefusedData, optional
        The data that failed its test, if any.
    pipelines : mapping
        The steps of each pipeline.
    declared : callable
        A function that takes the name of a notebook, and returns its parameters by their names.
    release : NextRelease, optional
        The release that can follow the run.
    champion : ModelVersion, optional
        The champion, if there is one.
    """
    if run.state != "succeeded":
        return _suggest_repeat(run, program, platform_option, refused, pipelines.get(run.pipeline, ()))
    steps = pipelines.get(run.pipeline, ())
    if find_refusal(run, steps):
        return ""
    if find_decision(run, steps) is False:
        trained = next((step for step in steps if step.scored_by), None)
        if trained is None:
            return ""
        if (more := count_more_rows(run, steps)) is None:
            return ""  # more rows may not help; the reason for the decision says what is missing
        if more:
            return _suggest_rows(run, trained, more, program, platform_option, list(given), champion)
        from mlops.sweeps.grid import suggest_values  # imported here, because few runs suggest a sweep

        judged = run.step(trained.name)
        values = suggest_values(declared(trained.notebook).values(), judged.parameters if judged else {})
        return f"{program} sweep {trained.name} -p {values}{platform_option}"
    only = next((step for step in steps if step.name == run.settings.only), None)
    return _continue(run, only, program, platform_option, list(given), pipelines, release) if only else ""


def _suggest_rows(
    run: RunRecord,
    trained: Step,
    more: int,
    program: str,
    platform_option: str,
    given: Sequence[str],
    champion: ModelVersion | None,
) -> str:
    """Return how to get more rows that neither model has seen."""
    judged, again = run.step(trained.name), f"{program} run {run.pipeline}"
    names = (trained.trains.share, trained.trains.seed) if trained.trains else ()
    recorded = champion.tags if champion else {}
    split = {name: recorded[name] for name in names if name in recorded}
    if judged and any(value != str(judged.results.get(name, value)) for name, value in split.items()):
        # the champion has seen rows that this training held out
        kept = [text for text in given if text.partition("=")[0].rpartition(".")[2] not in split]
        texts = [*kept, *(f"{trained.name}.{name}={value}" for name, value in split.items())]
        return again + "".join(f" -p {shlex.quote(text)}" for text in texts) + platform_option
    added = f"{program} provision -p {DATA_PARAMETER}=FILE{platform_option}"
    return f"Add about {more:,} rows to the data, then run {added} and {again}{platform_option}"


def _suggest_repeat(
    run: RunRecord, program: str, platform_option: str, refused: RefusedData | None, steps: Sequence[Step]
) -> str:
    if refused and refused.is_version:
        return f"Correct the data, then run {program} provision -p {DATA_PARAMETER}=FILE{platform_option}"
    if not run.settings.parameters:
        return ""
    if run.settings.only and list_overtaken(run, steps):
        return f"{program} run {run.pipeline}{platform_option}"  # with --only, the earlier step would not run again
    again = f"{program} resume {run.run_id}"
    if refused:
        return f"Correct {refused.file}, then run {again}"
    failed = {step.name for step in run.steps if step.state == "failed"}
    if any(step.name in failed and (step.deploys.digest or step.checks) for step in steps):
        # resuming deploys the same image again, with the same parameters
        renewed = f"{program} run {SERVING_AGAIN}{platform_option}"
        return f"{again} or, if you changed a setting, the scoring script or its lock, {renewed}"
    return again


def _continue(
    run: RunRecord,
    only: Step,
    program: str,
    platform_option: str,
    given: Sequence[str],
    pipelines: Mapping[str, Sequence[Step]],
    release: NextRelease | None,
) -> str:
    permissions, image = (release.permissions, release.image_option) if release else ("", "")
    step = next((step for step in pipelines[run.pipeline] if only.name in step.needs), None)
    if step:
        used = (f"{SHARED}.", f"{step.name}.", f"{step.notebook_name}.")
        kept = "".join(f" -p {shlex.quote(text)}" for text in given if text.startswith(used))
        allowed = permissions if step.deploys.image else ""
        return f"{program} run {run.pipeline} --only {step.name}{kept}{platform_option}{allowed}"
    others = (name for name, steps in pipelines.items() if any(only.name in step.needs for step in steps))
    shared = "".join(f" -p {shlex.quote(text)}" for text in given if text.startswith(f"{SHARED}."))
    return next((f"{program} run {name}{shared}{image}{platform_option}{permissions}" for name in others), "")
