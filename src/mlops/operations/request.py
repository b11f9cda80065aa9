"""A request to run a pipeline, and the checks of its options."""

from dataclasses import dataclass
from pathlib import Path

from mlops.cluster.connection import OPTION, require_address
from mlops.errors import UsageError
from mlops.operations.model_file import find_named_image
from mlops.operations.opening import OpenProject, check_steps
from mlops.parameters.overrides import Override, check_overrides
from mlops.pipelines import PIPELINES, list_packing
from mlops.pipelines.step import Step
from mlops.platform.services import NO_PERMISSIONS, Permissions
from mlops.record.reuse import require_step
from mlops.runner.requirements import require_files, require_new


@dataclass(frozen=True)
class RunRequest:
    """A request to run a pipeline.

    Parameters
    ----------
    pipeline : str
        The name of the pipeline.
    only : str
        The only step to run. Empty for all steps.
    source : str
        The run whose results the step in `only` uses. If empty: the newest results that are not from a sweep.
    model_file : Path, optional
        The file that names the model to release instead of the champion.
    reason : str
        The reason for overruling the promotion gate. Empty if the gate is not overruled.
    force : bool
        Whether to run unchanged steps again, and to restart healthy services.
    allowed : Permissions
        Whether the run is allowed to replace services of another model, and to deploy versions that were rolled back.
    run_id : str
        The name of the run. If it is empty, a name is generated.
    jobs : int
        The number of notebooks that can run in parallel. 0 means one per core.
    scheduler : str
        The address of the Dask scheduler whose workers read the data to be tested. If empty, this machine reads it.
    """

    pipeline: str
    only: str = ""
    source: str = ""
    model_file: Path | None = None
    reason: str = ""
    force: bool = False
    allowed: Permissions = NO_PERMISSIONS
    run_id: str = ""
    jobs: int = 0
    scheduler: str = ""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the pipeline."""
        return PIPELINES[self.pipeline]

    @property
    def asked(self) -> tuple[Step, ...]:
        """The steps that run: all steps of the pipeline, or the one in `only`."""
        return tuple(step for step in self.steps if self.only in ("", step.name))


def check_request(opened: OpenProject, request: RunRequest) -> None:
    """Raise an error if the options of a request are wrong, without contacting the platform.

    Raises
    ------
    UsageError
        If an option does not fit the pipeline or another option, if the name of the run is taken, or if a file does not
        exist.
    """
    if request.only:
        require_step(request.only, request.pipeline, [step.name for step in request.steps])
    elif request.source:
        raise UsageError(f"--from {request.source} is valid only with --only. Add --only STEP.")
    deploys = any(step.deploys.image for step in request.steps)  # then the run may also have to create an image
    steps = tuple(dict.fromkeys((*request.steps, *(list_packing() if deploys and not request.only else ()))))
    check_overrides(opened.overrides, request.pipeline, steps, request.only, opened.command_options)
    options = {
        "--model-file": request.model_file,
        "--take-over": request.allowed.take_over,
        "--redeploy-rolled-back": request.allowed.redeploy,
    }
    for option in (option for option, given in options.items() if given):
        _find_first_deployment(opened, request, option)
    _check_scheduler(opened, request)
    if request.run_id:
        require_new(request.run_id, opened.workspace.outputs)
    require_files(request.asked, opened.parameters.values)
    check_steps(opened, request.asked)


def give_request(opened: OpenProject, request: RunRequest) -> OpenProject:
    """Return the project, with the options of a request (such as `--force`) applied to the parameters of its steps.

    `--force` does not change a parameter that the user has set with an override; the other options do.
    """
    forced: list[Override] = []
    named: list[Override] = []
    if request.force:
        steps = [step for step in opened.project.steps if step.deploys.force]
        forced = [Override(step.notebook_name, step.deploys.force, True, "--force") for step in steps]
    if request.model_file:
        step = _find_first_deployment(opened, request, "--model-file")
        digest = find_named_image(request.model_file, opened.backend).digest
        named = [Override(step.name, step.deploys.image, digest, f"--model-file {request.model_file}")]
    if request.allowed.take_over:
        step = _find_first_deployment(opened, request, "--take-over")
        named.append(Override(step.notebook_name, step.deploys.take_over, True, "--take-over"))
    if request.allowed.redeploy:
        step = _find_first_deployment(opened, request, "--redeploy-rolled-back")
        named.append(Override(step.notebook_name, step.deploys.redeploy, True, "--redeploy-rolled-back"))
    if request.scheduler:
        named += [Override(*place, request.scheduler, OPTION) for place in _list_scheduler_parameters(request)]
    if request.reason:
        overruled = [(step.name, step.decides.override_reason) for step in request.asked if step.decides.overruled_by]
        named += [Override(name, parameter, request.reason, "--reason") for name, parameter in overruled]
    return opened.override(*forced, *opened.overrides, *named) if forced or named else opened


def _find_first_deployment(opened: OpenProject, request: RunRequest, option: str) -> Step:
    found = next((step for step in request.asked if step.deploys.image), None)
    if found is None:
        asked = _name_asked(request)
        raise UsageError(
            f"{option}: The {asked} does not deploy anything. "
            f"Use the option with `mlops run release{opened.command_options}`."
        )
    return found


def _check_scheduler(opened: OpenProject, request: RunRequest) -> None:
    found = _list_scheduler_parameters(request)
    if request.scheduler and not found:
        raise UsageError(
            f"{OPTION}: The {_name_asked(request)} does not test a data file. "
            f"Use the option with `mlops run build{opened.command_options}`."
        )
    for step, name in found:
        address, source = request.scheduler, OPTION
        if not address:
            address, source = str(opened.parameters.values[step].get(name) or ""), f"{step}.{name}"
        if address:
            require_address(address, source)


def _list_scheduler_parameters(request: RunRequest) -> list[tuple[str, str]]:
    return [(step.name, step.takes_scheduler) for step in request.asked if step.takes_scheduler]


def _name_asked(request: RunRequest) -> str:
    return f"step {request.only}" if request.only else f"pipeline {request.pipeline}"
