"""The declaration of a step: what the engine must know about it."""

from dataclasses import dataclass
from typing import NamedTuple


class Training(NamedTuple):
    """The names of a step's results that describe a training.

    `run` is the id of the training, and `files` and `rows` are the hashes of its files and rows. `share` and `seed` are
    also parameters of the step: the share of the rows that are held out, and the seed that decides which rows.
    """

    run: str
    files: str
    rows: str = ""
    share: str = ""
    seed: str = ""


class HandedFile(NamedTuple):
    """The names of two results of a step: the path or URL of a file for later steps, and the file's SHA-256."""

    url: str
    sha256: str


class Version(NamedTuple):
    """The names of a step's results that identify a version of a model or of a data set."""

    name: str
    version: str


class Packing(NamedTuple):
    """The names of one result and three parameters of a step that creates an image.

    `digest` is the result with the image's digest. `script` and `requirements` are the parameters with the path of a
    scoring script and the path of the lock file for its packages. If a path is empty, the image contains the problem's
    own file. `runtime` is the parameter with the name of the runtime that serves the model.
    """

    digest: str
    script: str
    requirements: str
    runtime: str


class Comparison(NamedTuple):
    """The names of a step's results that describe the champion.

    `metrics` is the result with the champion's metrics on the rows that neither the champion nor the new model has
    seen. `version` is the result with the number of the champion's version. `override` is the result that says who
    promoted the champion although the gate had rejected it, and why; this result is empty if the gate decided.
    Without a champion, all three results are empty or 0.
    """

    metrics: str
    version: str
    override: str


class Condition(NamedTuple):
    """A condition for running a step: the earlier step named `step` must have a result named `result` that is true."""

    step: str
    result: str


class BuildParameters(NamedTuple):
    """The names of a step's parameters for the id and the URL of a CI build."""

    build_id: str
    build_uri: str


@dataclass(frozen=True)
class Decision:
    """The declaration of a step that decides whether to promote the model. All fields are empty in other steps.

    Parameters
    ----------
    result : str
        The name of the result that decides the outcome of the run. The outcome is "promoted" if this result is true,
        and "rejected" if it is false.
    reason : str
        The name of the result with the reason for the decision.
    overruled_by : str
        The parameter that overrules the decision, such as "promote_always".
    override_reason : str
        The parameter with the reason for overruling the decision; ``--reason`` sets it.
    gains : tuple of str
        The names of six results: the improvement of the metric, the lower bound of this improvement, the smallest
        improvement that the comparison can detect, the smallest improvement that is worth a release, the number of
        comparisons with the champion, and `more_rows`.
    more_rows : str
        The name of the result with the number of rows to add to the data if there were too few for a comparison.
    """

    result: str = ""
    reason: str = ""
    overruled_by: str = ""
    override_reason: str = ""
    gains: tuple[str, ...] = ()
    more_rows: str = ""


@dataclass(frozen=True)
class Deployment:
    """The declaration of a step that deploys an image. All fields are empty in other steps.

    Parameters
    ----------
    digest : str
        The result with the digest of the image that the step deployed.
    image : str
        The parameter with the digest of the image to deploy, such as "image_digest".
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
    notebook stores for later notebooks.

    Parameters
    ----------
    name : str
        The name of the step, such as "deploy_qa". No two steps have the same name.
    notebook : str
        The file name of the step's notebook, without the extension, such as "06_deploy".
    needs : tuple of str
        The steps whose results this step reads. If they are in the same pipeline, they run before this step.
    environment : str
        The environment that the step works on: "qa" or "production". The notebook gets it as a parameter. Empty if the
        step is not for an environment.
    only_if : Condition
        The step runs only if this condition is met: `Condition("evaluate", "promoted")`.
    restores : str
        The environment whose previous service is restored if the step fails.
    files : tuple of str
        Parameters that name files. The step's results depend on the content of these files.
    watches : tuple of str
        The parts of the platform's state that the step's results depend on, such as "champion".
    effects : bool
        Whether the step has side effects. If so, the step runs even if nothing has changed, so it must be safe to
        repeat.
    takes_data : str
        The parameter that names the data file: "data_path". The step must store the URL of the tested file in a
        result with the same name as this parameter.
    takes_scheduler : str
        The parameter with the address of the Dask cluster that reads the data file: "scheduler". The step is not
        repeated if only this address changes.
    takes_build : BuildParameters
        The parameters with the id and the address of the build that published the pipeline.
    hands_on : tuple of HandedFile
        The files that the step creates for later steps. Its results are reused only while these files are unchanged.
    trains : Training
        The results that describe a training. The step's results are reused only while the platform has the files of the
        training.
    decides : Decision
        How the step decides whether to promote the model; all fields are empty if the step does not decide this.
    refuses : str
        The result with the reason why the step refused to act: "refusal". This result is empty if the step acted. After
        a refusal, later steps are skipped, and the outcome of the run is "rejected".
    overridden : str
        The result with the reason why a person overruled the gate: "override". This result is empty if nobody overruled
        the gate.
    declares : str
        The result that describes the problem and its metrics, such as "problem".
    compares : Comparison
        The results that describe the champion, which the step evaluates on the same rows as the run's model.
    registers : bool
        Whether the step registers the run's model as a version.
    promotes : bool
        Whether the step makes the run's model the champion.
    packs : Packing
        The result with the digest of the image that the step creates for a model version, and the parameters that name
        the sources of the image.
    scored_by : str
        The prefix of the result by which a sweep compares trainings: "cv_". The name of this result is the prefix
        followed by the name of the metric on which promotions are decided, such as "cv_auc".
    names_model : Version
        The results with the name and version of the model that the step registers, packs or deploys.
    names_dataset : Version
        The results with the name and version of the data set that the step registers.
    deploys : Deployment
        How the step deploys an image in its environment; all fields are empty if the step does not deploy one.
    checks : str
        The result with the number of checks that the service passed, such as "checks".
    releases : bool
        Whether the step completes a release. If so, the outcome of the run is "released", unless a step of the run
        decided whether to promote a model.
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
    packs: tuple[()] | Packing = ()
    scored_by: str = ""
    names_model: tuple[()] | Version = ()
    names_dataset: tuple[()] | Version = ()
    deploys: Deployment = Deployment()
    checks: str = ""
    releases: bool = False

    @property
    def notebook_name(self) -> str:
        """The name of the notebook without its number: "deploy"."""
        return self.notebook.split("_", 1)[1]
