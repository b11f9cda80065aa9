"""The three pipelines of the reference architecture, and its one-time set-up, as data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One notebook of a pipeline.

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
        An environment: if the step fails, what the environment served before is put back.
    files : tuple of str
        Parameters that name files; the step's results depend on their content.
    watches : tuple of str
        What else its results depend on: "champion".
    effects : bool
        True: it changes what others see, so it runs even if nothing has changed, and may be run again at any time.
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

    @property
    def notebook_name(self) -> str:
        """The notebook's name without its number: "deploy"."""
        return self.notebook.split("_", 1)[1]


BUILD = (Step("test_data", "01_test_data", files=("data_path", "reference_path")),)
RETRAIN = (
    *BUILD,  # no model is trained on data that was not tested
    Step("train", "02_train", needs=("test_data",)),
    Step("evaluate", "03_evaluate", needs=("train",), watches=("champion",)),
    Step("register", "04_register", needs=("train", "evaluate"), only_if="evaluate.promoted", effects=True),
    Step("create_image", "05_create_image", needs=("register",), effects=True),
)
RELEASE = (
    Step("deploy_qa", "06_deploy", needs=("create_image",), environment="qa", effects=True),
    Step("test_qa", "07_test_service", needs=("deploy_qa",), environment="qa", effects=True),
    Step("deploy_production", "06_deploy", needs=("deploy_qa", "test_qa"), environment="production", effects=True),
    Step(
        "test_production",
        "07_test_service",
        needs=("deploy_production",),
        environment="production",
        restores="production",
        effects=True,
    ),
)
PROVISION = (Step("provision", "00_provision", effects=True),)  # `mlops provision`
PIPELINES: dict[str, tuple[Step, ...]] = {
    "build": BUILD,
    "retrain": RETRAIN,
    "release": RELEASE,
    "all": (*RETRAIN, *RELEASE),
    "provision": PROVISION,
}
