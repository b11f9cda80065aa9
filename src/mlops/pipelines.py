"""The three pipelines of the reference architecture, and its one-time set-up, as data.

The engine does not know any step by name. A step declares here everything that the engine must know about it, such as
that it decides about a model or deploys an image.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One notebook of a pipeline.

    Parameters are those of the step's notebook, and results are those that the notebook hands on.

    Parameters
    ----------
    name : str
        Unique among all steps: "deploy_qa".
    notebook : str
        The notebook that it runs, without folder and ending: "06_deploy".
    needs : tuple of str
        The steps whose results it reads. Those that the pipeline has run first.
    environment : str
        "qa" or "production": a parameter of the notebook. ``parameters/<environment>.yml`` applies to the step.
    only_if : str
        "evaluate.promoted": the step is skipped unless the step `evaluate` handed on a true value of `promoted`.
    restores : str
        An environment: if the step fails, its previous service is restored.
    files : tuple of str
        Parameters that name files; the step's results depend on their content.
    watches : tuple of str
        Other state that its results depend on: "champion".
    effects : bool
        Whether it has side effects. Such a step runs even if nothing has changed, and must be safe to repeat.
    takes_data : str
        The parameter that names the data file: "data_path". The step tests the file and hands on its URL as a result
        of the same name.
    takes_image : str
        The parameter with the digest of the image to deploy: "image_digest".
    takes_build : tuple of str
        The parameters with the id and the address of the build that published the pipeline: ("build_id",
        "build_uri").
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
        The result with the reason for the decision: "reason". Steps that are skipped because of it repeat the reason.
    refuses : str
        The result with the reason why the step refused to act, for example to deploy: "refusal"; empty if it acted. If
        it refuses, the outcome of the run is "rejected", and the steps after it are skipped for this reason.
    overruled_by : tuple of str
        The parameter that overrules the decision, and the one for the reason: ("promote_always", "override_reason").
        ``--reason`` sets the second one.
    overridden : str
        The result with the reason why a person overruled the decision about the step's model: "override"; empty if
        nobody did.
    measures : tuple of str
        The result with the error of predictions in the target's unit, the result with that unit, and the name of this
        measure: ("mae", "unit", "mean absolute error"). The results become tags of the model's version.
    metrics : tuple of str
        The results that measure the model. A run's summary and the index show them in this order.
    compares : tuple of str
        The results with the champion's metrics, by name, its version, and the person who promoted it over the gate:
        ("champion_metrics", "champion_version", "champion_override"). The step measures its own metrics on the same
        rows.
    promotes : bool
        Whether the step makes the model that the run decided about the champion.
    scored_by : str
        The result that a sweep compares its combinations by, unless its user names another: "cv_mse".
    names_model : tuple of str
        The results with the name and version of the model that the step registers, packs or deploys.
    names_dataset : tuple of str
        The results with the name and version of the data set that the step registers.
    deploys : str
        The result with the digest of the image that the step deployed in its environment: "digest".
    checks : str
        The result with the number of checks that the service passed: "checks".
    releases : bool
        Whether the step completes a release: the outcome of a run that makes no decision is then "released".
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
    compares: tuple[()] | tuple[str, str, str] = ()
    promotes: bool = False
    scored_by: str = ""
    names_model: tuple[()] | tuple[str, str] = ()
    names_dataset: tuple[()] | tuple[str, str] = ()
    deploys: str = ""
    checks: str = ""
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
        compares=("champion_metrics", "champion_version", "champion_override"),
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
        promotes=True,
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
        overridden="override",
        deploys="digest",
    ),
    Step("test_qa", "07_test_service", needs=("deploy_qa",), environment="qa", effects=True, checks="checks"),
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
        overridden="override",
        deploys="digest",
    ),
    Step(
        "test_production",
        "07_test_service",
        needs=("deploy_production",),
        environment="production",
        restores="production",
        effects=True,
        checks="checks",
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
    """Return the step that takes the data file, or None. The steps after it read the file that it hands on."""
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
