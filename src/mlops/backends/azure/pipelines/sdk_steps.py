"""The steps of a pipeline as objects of azureml-sdk."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops.backends.azure.connection.settings import PREFIX
from mlops.backends.azure.pipelines.sources import SCRIPT
from mlops.pipelines.step import Step
from mlops.platform.submission import Build, Submission
from mlops.record.lineage import COMMIT

COMPUTE_TYPE = "AmlCompute"


def describe_environ(commit: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment variables of a run: the variables ``MLOPS_AZURE_...`` in `environ`, and the commit."""
    environ = os.environ if environ is None else environ
    settings = {name: value for name, value in environ.items() if name.startswith(PREFIX) and value}
    # The sources are sent without their git history, so a step cannot read the commit.
    return {**settings, COMMIT: commit}


def make_run_configuration(environment: object, variables: Mapping[str, str]) -> object:
    """Return the SDK's configuration of a step: its packages (`environment`) and environment variables."""
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
    """Return the steps of a pipeline as objects of the SDK. Each step waits for the previous one.

    Parameters
    ----------
    pipeline : str
        The name of the pipeline in `mlops`, such as "retrain".
    steps : sequence of Step
        The steps of the pipeline, in the order in which they run.
    sources : Path
        The folder that is sent to the machine of each step.
    compute : str
        The name of the compute that executes the steps.
    configuration : RunConfiguration
        The result of `make_run_configuration`.
    defaults : Submission
        The default values of the pipeline's parameters.
    build : Build
        The build that publishes the pipeline.
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
            # even if the step needs no results, because the folder of the run is passed from step to step
            script.run_after(made[-1])
        made.append(script)
    return made
