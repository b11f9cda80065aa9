"""Submissions: requests to start the published pipeline, with values for its parameters."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from mlops.errors import ParameterError
from mlops.parameters.lookup import SHARED
from mlops.parameters.overrides import Override
from mlops.parameters.suggestion import suggest
from mlops.pipelines import find_data_step
from mlops.pipelines.step import Step
from mlops.platform.datasets import LATEST, NEW_DATA

NOTHING = "none"  # the text of a parameter without a value; Azure does not accept an empty text


@dataclass(frozen=True)
class Submission:
    """The values for the parameters of the published pipeline. An empty text means that a parameter has no value."""

    model_name: str = field(default="", metadata={"help": "Name of the model, instead of shared.model_name."})
    dataset_version: str = field(
        default=LATEST,
        metadata={"help": f"Version of the registered data set, or {NEW_DATA} for the data that arrived last."},
    )
    data_file_path: str = field(default="", metadata={"help": "File to train on, instead of the registered data set."})
    caller_run_id: str = field(default="", metadata={"help": "An id of your own, which becomes a tag of the run."})

    def list_texts(self) -> dict[str, str]:
        """Return all parameters as text, by name. The text of a parameter without a value is "none"."""
        return {name: getattr(self, name) or NOTHING for name in list_names()}

    def list_given(self) -> dict[str, str]:
        """Return the values that differ from the defaults, as text, by name of the parameter."""
        usual = Submission()
        return {name: text for name, text in self.list_texts().items() if getattr(self, name) != getattr(usual, name)}


@dataclass(frozen=True)
class Build:
    """The build that published a pipeline: the build's id, which is the pipeline's version, and the build's address."""

    build_id: str = ""
    build_uri: str = ""


def list_names() -> list[str]:
    """Return the names of the parameters of the published pipeline."""
    return [parameter.name for parameter in fields(Submission)]


def read_submission(given: Mapping[str, str]) -> Submission:
    """Return a submission with the values in `given`, which are texts by parameter name; "none" means the default.

    Raises
    ------
    ParameterError
        If the published pipeline has no parameter with a given name, or if a given value is empty.
    """
    for name, text in given.items():
        if name not in list_names():
            hint = suggest(name, list_names(), "It has")
            raise ParameterError(f"-p {name}: The published pipeline has no such parameter{hint}")
        if not text:
            raise ParameterError(f"-p {name}: The value is missing. For the default value, use -p {name}={NOTHING}.")
    return Submission(**{name: text for name, text in given.items() if text != NOTHING})


def list_overrides(submission: Submission, build: Build, data_path: str, steps: Iterable[Step]) -> list[Override]:
    """Return the values that a submission and a build give to the parameters of a pipeline's steps.

    Parameters
    ----------
    submission : Submission
        The submission.
    build : Build
        The build that published the pipeline.
    data_path : str
        The file to train on; empty for the default.
    steps : iterable of Step
        The steps of the pipeline.
    """
    steps = list(steps)
    given = [Override(SHARED, "model_name", submission.model_name, "model_name")]
    if data_step := find_data_step(steps):
        given.append(Override(data_step.name, data_step.takes_data, data_path, "data_file_path"))
    for step in steps:
        for name, value in zip(step.takes_build, (build.build_id, build.build_uri), strict=False):
            given.append(Override(step.name, name, value, name))
    return [override for override in given if override.value]


def list_tags(submission: Submission, build: Build) -> dict[str, str]:
    """Return the tags that record the origin of a submitted run."""
    tags = {"BuildId": build.build_id, "BuildUri": build.build_uri, "caller_run_id": submission.caller_run_id}
    return {name: value for name, value in tags.items() if value}
