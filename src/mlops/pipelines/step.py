"""The declaration of a step: what the engine must know about it."""

from dataclasses import dataclass
from typing import NamedTuple


class Training(NamedTuple):
    """The names of the results that describe a training: its id, the hashes of its files, and the hash of its rows.

    A result is a value that the notebook of a step hands on.
    """

    run: str
    files: str
    rows: str = ""


class HandedFile(NamedTuple):
    """The names of the two results that describe a file: its path or URL, and the SHA-256 of its content."""

    url: str
    sha256: str


class Version(NamedTuple):
    """The names of the two results that identify a version of a model or of a data set."""

    name: str
    version: str


class Comparison(NamedTuple):
    """The names of the results that describe the champion.

    These results are its metrics, its version, and the person who overruled the gate to promote it, with the reason.
    """

    metrics: str
    version: str
    override: str


class Condition(NamedTuple):
    """A condition for running a step: the result `result` of the earlier step `step` must be true."""

    step: str
    result: str


class BuildParameters(NamedTuple):
    """The names of the parameters for the id and the address of a build."""

    build_id: str
    build_uri: str


@dataclass(frozen=True)
class Decision:
    """The declaration of a step that decides whether to promote the model. In other steps, all fields are empty.

    Parameters
    ----------
    result : str
        The name of the result that decides the outcome of the run: "promoted" if it is true, else "rejected".
    reason : str
        The name of the result with the reason for the decision. This reason is also recorded for each step that is
        skipped because of the decision.
    overruled_by : str
        The parameter that overrules the decision: "promote_always".
    override_reason : str
        The parameter with the reason for overruling the decision; ``--reason`` sets it.
    """

    result: str = ""
    reason: str = ""
    overruled_by: str = ""
    override_reason: str = ""


@dataclass(frozen=True)
class Deployment:
    """The declaration of a step that deploys an image. In other steps, all fields are empty.

    Parameters
    ----------
    digest : str
        The result with the digest of the image that the step deployed.
    image : str
        The parameter with the digest of the image to deploy: "image_digest".
    force : str
        The parameter that makes the step deploy an image again although it is already deployed; ``--force`` sets it.
    take_over : str
        The parameter that lets the step replace another model; ``--take-over`` sets it.
    redeploy : str
        The parameter that lets the step deploy a version that was rolled back; ``--redeploy-rolled-back`` sets it.
    """

    digest: str = ""
    image: str = ""
    force: str = ""
    take_over: str = ""
    redeploy: str = ""


@dataclass(frozen=True)
class Step:
    """One notebook of a pipeline.

    In the descriptions below, a "parameter" is a parameter of the step's notebook, and a "result" is a value that the
    notebook hands on.

    Parameters
    ----------
    name : str
        The name of the step, which no other step has: "deploy_qa".
    notebook : str
        The name of the notebook that the step runs, without folder and extension: "06_deploy".
    needs : tuple of str
        The steps whose results this step reads. If they are in the same pipeline, they run before this step.
    environment : str
        "qa" or "production", which the notebook gets as a parameter. ``parameters/<environment>.yml`` applies to the
        step.
    only_if : Condition
        The step is skipped unless this result is true: `Condition("evaluate", "promoted")`.
    restores : str
        The environment whose previous service is restored if the step fails.
    files : tuple of str
        Parameters that name files. The step's results depend on the content of these files.
    watches : tuple of str
        The state, other than files, that the step's results depend on: "champion".
    effects : bool
        Whether the step has side effects. Such a step runs even if nothing has changed, and must be safe to repeat.
    takes_data : str
        The parameter that names the data file: "data_path". The step tests the file and hands on its URL as a result
        of the same name.
    takes_scheduler : str
        The parameter with the address of the Dask cluster that reads the data file: "scheduler"; ``--scheduler`` sets
        it. The step is not repeated if only this address changes, because the results are the same without a cluster.
    takes_build : BuildParameters
        The parameters with the id and the address of the build that published the pipeline.
    hands_on : tuple of HandedFile
        The files that the step hands on. Its results are reused only while these files exist unchanged.
    trains : Training
        The results that describe a training. The step's results are reused only while the platform still has the files
        of the training.
    decides : Decision
        How the step decides whether to promote the model; all fields are empty if the step does not decide this.
    refuses : str
        The result with the reason why the step refused to act, for example to deploy: "refusal". The result is empty if
        the step acted. After a refusal, the outcome of the run is "rejected", and later steps are skipped for this
        reason.
    overridden : str
        The result with the reason why a person promoted the step's model against the decision: "override". The result
        is empty if nobody overruled the decision.
    declares : str
        The result that describes the problem: "problem". The description says which of the step's results are metrics.
    compares : Comparison
        The results that describe the champion, which the step evaluates on the same rows as the run's model.
    registers : bool
        Whether the step registers the run's model as a version.
    promotes : bool
        Whether the step makes the run's model the champion.
    packs : str
        The result with the digest of the image that the step creates for a model version: "digest".
    scored_by : str
        The prefix "cv_". The name of one result is this prefix followed by the name of the problem's main metric. By
        default, a sweep compares combinations of parameters by this result.
    names_model : Version
        The results with the name and version of the model that the step registers, packs or deploys.
    names_dataset : Version
        The results with the name and version of the data set that the step registers.
    deploys : Deployment
        How the step deploys an image in its environment; all fields are empty if the step does not deploy one.
    checks : str
        The result with the number of checks that the service passed: "checks".
    releases : bool
        Whether the step completes a release. After this step, the outcome of a run is "released", unless another step
        of the run decided whether to promote a model.
    """

    name: str
    notebook: str
    needs: tuple[str, ...] = ()
    environment: str = ""
    only_if: tuple[()] | Condition = ()
    restores: str = ""
    files: tuple[str, ...] = ()
    watches: tuple[str, ...] = ()
    effects: bool = False
    takes_data: str = ""
    takes_scheduler: str = ""
    takes_build: tuple[()] | BuildParameters = ()
    hands_on: tuple[HandedFile, ...] = ()
    trains: tuple[()] | Training = ()
    decides: Decision = Decision()
    refuses: str = ""
    overridden: str = ""
    declares: str = ""
    compares: tuple[()] | Comparison = ()
    registers: bool = False
    promotes: bool = False
    packs: str = ""
    scored_by: str = ""
    names_model: tuple[()] | Version = ()
    names_dataset: tuple[()] | Version = ()
    deploys: Deployment = Deployment()
    checks: str = ""
    releases: bool = False

    @property
    def notebook_name(self) -> str:
        """The notebook's name without its number: "deploy"."""
        return self.notebook.split("_", 1)[1]
