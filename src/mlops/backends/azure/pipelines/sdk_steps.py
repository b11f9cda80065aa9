"""The retraining pipeline as the SDK's objects: one script step for each step, one after the other."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops.backends.azure.connection.settings import PREFIX
from mlops.backends.azure.pipelines.sources import SCRIPT
from mlops.pipelines import Step
from mlops.platform.submission import Build, Submission
from mlops.record.lineage import COMMIT

COMPUTE_TYPE = "AmlCompute"


def describe_environ(commit: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment variables of a run: this process's settings of the platform, and the commit.

    The sources are sent without their git history; and settings that came from the environment here must hold there.
    """
    environ = os.environ if environ is None else environ
    settings = {name: value for name, value in environ.items() if name.startswith(PREFIX) and value}
    return {**settings, COMMIT: commit}


def make_run_configuration(environment: object, variables: Mapping[str, str]) -> object:
    """Return how a step's process is started: in which environment, with which variables."""
    from azureml.core.runconfig import RunConfiguration

    configuration = RunConfiguration()
    configuration.environment = environment
    configuration.environment_variables = dict(variables)
    return configuration


def make_steps(
    pipeline: str,
    steps: Sequence[Step],
    *,
    sources: Path,
    compute: str,
    configuration: object,
    defaults: Submission,
    build: Build,
) -> list[object]:
    """Return the SDK's steps.

    Each waits for the one before, also where it would not need to: the run's folder goes from hand to hand.

    Parameters
    ----------
    pipeline : str
        Its name in this engine, "retrain"; on Azure it has the name in the settings.
    steps : sequence of Step
        Its steps, in order.
    sources : Path
        What each step's machine gets.
    compute : str
        Name of the compute that executes them.
    configuration : RunConfiguration
        See `make_run_configuration`.
    defaults : Submission
        What the pipeline's parameters are where a submission does not say; each step gets all of them.
    build : Build
        The build that publishes.
    """
    from azureml.pipeline.core import PipelineParameter
    from azureml.pipeline.steps import PythonScriptStep

    parameters = {name: PipelineParameter(name, default) for name, default in defaults.list_texts().items()}
    given: list[object] = [
        word for name, value in parameters.items() for word in (f"--{name.replace('_', '-')}", value)
    ]
    options = {"--build-id": build.build_id, "--build-uri": build.build_uri}
    given += [word for option, value in options.items() if value for word in (option, value)]
    made: list[Any] = []
    for step in steps:
        script = PythonScriptStep(
            name=step.name,
            script_name=SCRIPT,
            source_directory=str(sources),
            arguments=[pipeline, step.name, "--platform", "azure", *given],
            compute_target=(compute, COMPUTE_TYPE),
            runconfig=configuration,
            allow_reuse=False,
        )
        if made:
            script.run_after(made[-1])
        made.append(script)
    return made
