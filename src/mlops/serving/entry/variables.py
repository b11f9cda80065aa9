"""The variables that Azure sets for entry scripts, and the folders that they name."""

import os
from contextlib import suppress
from pathlib import Path

from ..identity import read_identity

MODELS = "azureml-models"  # the folder where `Model.get_model_path` of the Azure SDK finds models
TRAINING_DATA = "training_data.json"  # written by the engine; `get_model_path` accepts only one file


def set_variables(bundle: Path, root: Path) -> None:
    """Create the folders that an entry script finds on Azure, and set the variables that name them.

    ``ROOT/azureml-models/NAME/VERSION`` gets a link to each file of the model. The variable `AZUREML_MODEL_DIR` names
    this folder, `AML_APP_ROOT` names the root, and `AZUREML_ENTRY_SCRIPT` names the scoring script.

    Parameters
    ----------
    bundle : Path
        The folder with the content of the image.
    root : Path
        The root folder. Several processes can call this function with the same folder.

    Raises
    ------
    OSError
        If a folder or a link cannot be created.
    """
    identity = read_identity(bundle)
    folder = root / MODELS / identity["model_name"] / str(identity["model_version"])
    folder.mkdir(parents=True, exist_ok=True)
    for file in (bundle / "model").iterdir():
        if file.name != TRAINING_DATA:
            with suppress(FileExistsError):
                (folder / file.name).symlink_to(file.resolve())
    os.environ["AML_APP_ROOT"] = str(root)
    os.environ["AZUREML_MODEL_DIR"] = str(folder)
    os.environ["AZUREML_ENTRY_SCRIPT"] = str(bundle / "score.py")
