"""The notebooks, parameters and options that messages name, as in "Run 02_train." and "--platform azure"."""

from collections.abc import Callable

from mlops.pipelines import ALL_STEPS, find_data_step, find_gate
from mlops.pipelines.step import Decision, Step


def name_platform_option(platform: str, default: str) -> str:
    """Return the option that selects a platform, such as " --platform azure"; "" for the default platform."""
    return "" if platform == default else f" --platform {platform}"


def _name_notebook(task: str, declares: Callable[[Step], object]) -> str:
    return next((step.notebook for step in ALL_STEPS if declares(step)), f"the notebook that {task}")


TRAINING_NOTEBOOK = _name_notebook("trains a model", lambda step: step.trains)
GATE_NOTEBOOK = _name_notebook("decides whether to promote a model", lambda step: step.decides.result)
IMAGE_NOTEBOOK = _name_notebook("creates an image", lambda step: step.packs)

_image_step = next((step for step in ALL_STEPS if step.packs), None)
# The parameter that names the runtime of a model.
RUNTIME_PARAMETER = f"{_image_step.name}.{_image_step.packs.runtime}" if _image_step and _image_step.packs else "NAME"

_data_step, _gate = find_data_step(ALL_STEPS), find_gate(ALL_STEPS)
# The parameter of `mlops provision` that names the data file.
DATA_PARAMETER = _data_step.takes_data if _data_step else "NAME"
GATE = _gate.decides if _gate else Decision()
# The options of `mlops run` that overrule the gate.
OVERRULE = f"-p {_gate.name if _gate else 'STEP'}.{GATE.overruled_by or 'NAME'}=true --reason TEXT"
