"""A submission: what the published pipeline is asked to do. Its parameters are spelled here and nowhere else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from mlops.errors import ParameterError
from mlops.parameters.lookup import SHARED
from mlops.parameters.overrides import Override
from mlops.pipelines import Step, find_data_step
from mlops.platform.datasets import LATEST, NEW_DATA

NOTHING = "none"  # how a pipeline's parameter says that it has no value: Azure has no empty ones


@dataclass(frozen=True)
class Submission:
    """The parameters of the published pipeline; a name is a parameter's name, an empty text means no value."""

    model_name: str = field(default="", metadata={"help": "Instead of shared.model_name."})
    dataset_version: str = field(
        default=LATEST,
        metadata={"help": f"Version of the registered data set; {NEW_DATA}: the data that arrived last."},
    )
    data_file_path: str = field(default="", metadata={"help": "Instead of the registered data set."})
    caller_run_id: str = field(default="", metadata={"help": "Whatever submitted the run; becomes a tag of the run."})

    def list_texts(self) -> dict[str, str]:
        """Return every parameter as text that is never empty."""
        return {name: getattr(self, name) or NOTHING for name in list_names()}

    def list_given(self) -> dict[str, str]:
        """Return the parameters that are not as by default, as text."""
        usual = Submission()
        return {name: text for name, text in self.list_texts().items() if getattr(self, name) != getattr(usual, name)}


@dataclass(frozen=True)
class Build:
    """The build that published a pipeline: its id, which is the pipeline's version, and its address."""

    build_id: str = ""
    build_uri: str = ""


def list_names() -> list[str]:
    """Return the names of the parameters, in order."""
    return [parameter.name for parameter in fields(Submission)]


def read_submission(given: Mapping[str, str]) -> Submission:
    """Read the parameters of a submission from text; `NOTHING` stands for the default.

    Raises
    ------
    ParameterError
        For a parameter that the published pipeline does not have, or that has no value.
    """
    for name, text in given.items():
        if name not in list_names():
            known = ", ".join(list_names())
            raise ParameterError(f"-p {name}: the published pipeline has no such parameter. Known: {known}.")
        if not text:
            raise ParameterError(f"-p {name}: it has no value. Leave it out, or write -p {name}={NOTHING}.")
    return Submission(**{name: text for name, text in given.items() if text != NOTHING})


def list_overrides(submission: Submission, build: Build, data_path: str, steps: Iterable[Step]) -> list[Override]:
    """Return what a submission and its build give the steps of a pipeline.

    Parameters
    ----------
    submission : Submission
        Its data set is not looked up here.
    build : Build
        The build that published the pipeline.
    data_path : str
        The file that the submission means; empty for none in particular.
    steps : iterable of Step
        Of the pipeline.
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
    """Return the tags that say where a submitted run comes from."""
    tags = {"BuildId": build.build_id, "BuildUri": build.build_uri, "caller_run_id": submission.caller_run_id}
    return {name: value for name, value in tags.items() if value}
