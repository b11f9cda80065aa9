"""The three pipelines of the reference architecture, and its one-time set-up, as data.

The engine knows no step by its name. What it must know of a step, such as that it decides about a model or deploys an
image, the step declares here.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One notebook of a pipeline.

    A field that names a parameter means one of the step's notebook; a field that names a result means one that the
    notebook hands on.

    Parameters
    ----------
    name : str
        Unique among all steps: "deploy_qa".
    notebook : str
        The notebook that it runs, without folder and ending: "06_deploy".
    needs : tuple of str
        Steps that come first, where the pipeline has them: those whose results it reads.
    environment : str
        "qa" or "production": the notebook is told, and ``parameters/<environment>.yml`` holds for the step.
    only_if : str
        "evaluate.promoted": the step is skipped unless that step handed on a true value of that name.
    restores : str
        An environment: if the step fails, its previous service is restored.
    files : tuple of str
        Parameters that name files; the step's results depend on their content.
    watches : tuple of str
        What else its results depend on: "champion".
    effects : bool
        True: it has side effects, so it runs even if nothing has changed, and may be run again at any time.
    takes_data : str
        The parameter that names the data file: "data_path". The step tests the file and hands on its URL as a result
        of the same name.
    takes_image : str
        The parameter that names the digest of the image to deploy: "image_digest".
    takes_build : tuple of str
        The parameters that name the build which published the pipeline, and its address: ("build_id", "build_uri").
    forced_by : str
        The parameter that makes the step redo what is already in place: "force". ``--force`` sets it.
    taken_over_by : str
        The parameter that lets the step replace another model: "take_over". ``--take-over`` sets it.
    redeployed_by : str
        The parameter that lets the step deploy a version that was rolled back: "redeploy_rolled_back".
        ``--redeploy-rolled-back`` sets it.
    trains : tuple of str
        The results that name a training and the hashes of its files: ("training_run", "files"). The step's results
        are reused only while the platform still has these files.
    decides : str
        The result that decides the outcome of the run: "promoted" if it is true, else "rejected".
    explains : str
        The result that says why it decided so: "reason". Steps that are skipped because of the decision repeat it.
    refuses : str
        The result that says why the step must not do what it is there for: "refusal"; empty if it did. The outcome of
        the run is then "rejected", and the steps after it are skipped for this reason.
    overruled_by : tuple of str
        The parameters that overrule the decision, and that say why: ("promote_always", "override_reason").
        ``--reason`` sets the second.
    overridden : str
        The result that says why a person overruled the decision: "override"; empty if nobody did.
    measures : tuple of str
        The results that say how far predictions are off in the unit of the target, and what that unit is, and what
        people call this measure: ("mae", "unit", "mean absolute error"). The results are tags of the model's version.
    metrics : tuple of str
        The results that say how good the model is; a run's summary and the index show them, in this order.
    compares : tuple of str
        The results that hold the metrics of the champion, by name, and its version: ("champion_metrics",
        "champion_version"). The step's own metrics were measured on the same rows.
    scored_by : str
        The result by which a sweep compares its combinations, unless another is asked for: "cv_mse".
    names_model : tuple of str
        The results that hold the name and the version of the model that the step registers, packs or deploys.
    names_dataset : tuple of str
        The results that hold the name and the version of the data set that the step registers.
    deploys : str
        The result that holds the digest of the image that the step has deployed in its environment: "digest".
    releases : bool
        True: once the step is done, the outcome of a run that decides nothing is "released".
    """

    name: str
    notebook: str
    needs: tuple[str, ...] = ()
    environment: str = ""
    only_if: str = ""
    restores: str = ""
    files: tuple[str, ...] = ()
    watches: tuple[str, ...] = ()
    effects: bool = False
    takes_data: str = ""
    takes_image: str = ""
    takes_build: tuple[()] | tuple[str, str] = ()
    forced_by: str = ""
    taken_over_by: str = ""
    redeployed_by: str = ""
    trains: tuple[()] | tuple[str, str] = ()
    decides: str = ""
    explains: str = ""
    refuses: str = ""
    overruled_by: tuple[()] | tuple[str, str] = ()
    overridden: str = ""
    measures: tuple[()] | tuple[str, str, str] = ()
    metrics: tuple[str, ...] = ()
    compares: tuple[()] | tuple[str, str] = ()
    scored_by: str = ""
    names_model: tuple[()] | tuple[str, str] = ()
    names_dataset: tuple[()] | tuple[str, str] = ()
    deploys: str = ""
    releases: bool = False

    @property
    def notebook_name(self) -> str:
        """The notebook's name without its number: "deploy"."""
        return self.notebook.split("_", 1)[1]


METRICS = ("mse", "mae", "r2")
MODEL = ("model_name", "model_version")
BUILD = (Step("test_data", "01_test_data", files=("data_path", "reference_path"), takes_data="data_path"),)
RETRAIN = (
    *BUILD,  # no model is trained on data that was not tested
    Step(
        "train",
        "02_train",
        needs=("test_data",),
        trains=("training_run", "files"),
        metrics=METRICS,
        scored_by="cv_mse",
    ),
    Step(
        "evaluate",
        "03_evaluate",
        needs=("train",),
        watches=("champion",),
        decides="promoted",
        explains="reason",
        metrics=METRICS,
        compares=("champion_metrics", "champion_version"),
        measures=("mae", "unit", "mean absolute error"),
        overridden="override",
        overruled_by=("promote_always", "override_reason"),
    ),
    Step(
        "register",
        "04_register",
        needs=("train", "evaluate"),
        only_if="evaluate.promoted",
        effects=True,
        takes_build=("build_id", "build_uri"),
        names_model=MODEL,
    ),
    Step("create_image", "05_create_image", needs=("register",), effects=True, names_model=MODEL),
)
RELEASE = (
    Step(
        "deploy_qa",
        "06_deploy",
        needs=("create_image",),
        environment="qa",
        effects=True,
        takes_image="image_digest",
        forced_by="force",
        taken_over_by="take_over",
        redeployed_by="redeploy_rolled_back",
        refuses="refusal",
        names_model=MODEL,
        deploys="digest",
    ),
    Step("test_qa", "07_test_service", needs=("deploy_qa",), environment="qa", effects=True),
    Step(
        "deploy_production",
        "06_deploy",
        needs=("deploy_qa", "test_qa"),
        environment="production",
        effects=True,
        takes_image="image_digest",
        forced_by="force",
        taken_over_by="take_over",
        redeployed_by="redeploy_rolled_back",
        refuses="refusal",
        names_model=MODEL,
        deploys="digest",
    ),
    Step(
        "test_production",
        "07_test_service",
        needs=("deploy_production",),
        environment="production",
        restores="production",
        effects=True,
        releases=True,
    ),
)
PROVISION = (
    *BUILD,
    Step("provision", "00_provision", needs=("test_data",), effects=True, names_dataset=("dataset", "dataset_version")),
)
PUBLISHED = "retrain"  # what `mlops publish` publishes and `mlops submit` starts
SERVING_AGAIN = "release"  # what `mlops run` adds if production is down and the new model was rejected
ROLLBACK = "rollback"  # what `mlops rollback` records: a run without notebooks
SETTING_UP = "provision"  # what `mlops provision` runs; `mlops run` does not offer it
PIPELINES: dict[str, tuple[Step, ...]] = {
    "build": BUILD,
    PUBLISHED: RETRAIN,
    SERVING_AGAIN: RELEASE,
    "all": (*RETRAIN, *RELEASE),
    SETTING_UP: PROVISION,
}
ALL_STEPS = tuple(dict.fromkeys(step for steps in PIPELINES.values() for step in steps))


def find_data_step(steps: Iterable[Step]) -> Step | None:
    """Return the step that is given the data file, or None; the steps after it read what it hands on."""
    return next((step for step in steps if step.takes_data), None)


def find_deployment(steps: Iterable[Step], environment: str) -> Step | None:
    """Return the step that deploys in an environment, or None."""
    return next((step for step in steps if step.deploys and step.environment == environment), None)


def find_release(steps: Iterable[Step]) -> Step | None:
    """Return the step that completes a release, or None."""
    return next((step for step in steps if step.releases), None)


def list_notebooks() -> list[str]:
    """Return the names of all notebooks, each after those whose results it reads."""
    return list(dict.fromkeys(step.notebook for steps in (PROVISION, PIPELINES["all"]) for step in steps))
