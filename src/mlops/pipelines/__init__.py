"""The declarations of all pipelines and of their steps.

.. code-block:: text

    step    the declaration of a step
    advice  the notebooks and parameters that messages refer to
    tags    the tags of a registered version of a model
"""

# The code of the engine contains no step's name. It reads from the declaration of a step what the step does, for
# example that it deploys an image.

from collections.abc import Iterable

from mlops.pipelines.step import (
    BuildParameters,
    Comparison,
    Condition,
    Decision,
    Deployment,
    HandedFile,
    Packing,
    Step,
    Training,
    Version,
)

MORE_ROWS = "more_rows"  # the result with the number of rows that the data lacks for a comparison
PROBLEM = "problem"  # the result that describes the metrics of the problem
DATA = HandedFile("data_path", "data_sha256")
MODEL = Version("model_name", "model_version")
DEPLOYMENT = Deployment(
    digest="digest", image="image_digest", force="force", take_over="take_over", redeploy="redeploy_rolled_back"
)
PACKING = Packing("digest", "scoring_script", "requirements", "runtime")
BUILD = (
    Step(
        "test_data",
        "01_test_data",
        files=("data_path", "reference_path"),
        takes_data="data_path",
        takes_scheduler="scheduler",
        hands_on=(DATA,),
    ),
)
RETRAIN = (
    *BUILD,  # every run tests its data before it trains a model
    Step(
        "train",
        "02_train",
        needs=("test_data",),
        hands_on=(DATA,),
        trains=Training("training_run", "files", "training_rows", "holdout_share", "seed"),
        declares=PROBLEM,
        scored_by="cv_",
    ),
    Step(
        "evaluate",
        "03_evaluate",
        needs=("train",),
        watches=("champion",),
        decides=Decision(
            result="promoted",
            reason="reason",
            overruled_by="promote_always",
            override_reason="override_reason",
            gains=("improvement", "lower_bound", "detectable_gain", "required_gain", "look", MORE_ROWS),
            more_rows=MORE_ROWS,
        ),
        declares=PROBLEM,
        compares=Comparison("champion_metrics", "champion_version", "champion_override"),
        overridden="override",
    ),
    Step(
        "register",
        "04_register",
        needs=("train", "evaluate"),
        only_if=Condition("evaluate", "promoted"),
        effects=True,
        registers=True,
        promotes=True,
        takes_build=BuildParameters("build_id", "build_uri"),
        names_model=MODEL,
    ),
    Step("create_image", "05_create_image", needs=("register",), effects=True, packs=PACKING, names_model=MODEL),
)
RELEASE = (
    Step(
        "deploy_qa",
        "06_deploy",
        needs=("create_image",),
        environment="qa",
        effects=True,
        refuses="refusal",
        names_model=MODEL,
        overridden="override",
        deploys=DEPLOYMENT,
    ),
    Step("test_qa", "07_test_service", needs=("deploy_qa",), environment="qa", effects=True, checks="checks"),
    Step(
        "deploy_production",
        "06_deploy",
        needs=("deploy_qa", "test_qa"),
        environment="production",
        effects=True,
        refuses="refusal",
        names_model=MODEL,
        overridden="override",
        deploys=DEPLOYMENT,
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
    Step(
        "provision",
        "00_provision",
        needs=("test_data",),
        effects=True,
        names_dataset=Version("dataset", "dataset_version"),
    ),
)
PUBLISHED = "retrain"  # the pipeline that `mlops publish` publishes and `mlops submit` starts
SERVING_AGAIN = "release"  # the pipeline that `mlops run` adds if production is down and the new model was rejected
ROLLBACK = "rollback"  # the pipeline in the record of `mlops rollback`; it has no notebooks
SWEEP = "sweep"  # the pipeline in the record of `mlops sweep`, and the name of its summary step
SETTING_UP = "provision"  # the pipeline that `mlops provision` runs; `mlops run` does not offer it
PIPELINES: dict[str, tuple[Step, ...]] = {
    "build": BUILD,
    PUBLISHED: RETRAIN,
    SERVING_AGAIN: RELEASE,
    "all": (*RETRAIN, *RELEASE),
    SETTING_UP: PROVISION,
}
ALL_STEPS = tuple(dict.fromkeys(step for steps in PIPELINES.values() for step in steps))


def find_data_step(steps: Iterable[Step]) -> Step | None:
    """Return the step that reads the data file, or None if there is no such step."""
    return next((step for step in steps if step.takes_data), None)


def find_training(steps: Iterable[Step]) -> Step | None:
    """Return the step that trains a model, or None if there is no such step."""
    return next((step for step in steps if step.trains), None)


def find_gate(steps: Iterable[Step]) -> Step | None:
    """Return the step that decides whether to promote the model, or None if there is no such step."""
    return next((step for step in steps if step.decides.result), None)


def find_deployment(steps: Iterable[Step], environment: str) -> Step | None:
    """Return the step that deploys an image in an environment, or None if there is no such step."""
    return next((step for step in steps if step.deploys.digest and step.environment == environment), None)


def list_packing() -> tuple[Step, ...]:
    """Return the steps that create images. A release begins with them if the champion's image is outdated."""
    return tuple(step for step in ALL_STEPS if step.packs)


def find_release(steps: Iterable[Step]) -> Step | None:
    """Return the step that completes a release, or None if there is no such step."""
    return next((step for step in steps if step.releases), None)


def list_notebooks() -> list[str]:
    """Return the names of all notebooks. A notebook comes after the notebooks whose results it reads."""
    return list(dict.fromkeys(step.notebook for steps in (PROVISION, PIPELINES["all"]) for step in steps))
