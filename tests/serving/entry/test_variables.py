"""The variables and folders that an entry script finds are those that Azure gives to it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlops.serving.entry.variables import set_variables

NAMES = ("AML_APP_ROOT", "AZUREML_MODEL_DIR", "AZUREML_ENTRY_SCRIPT")
FIND = "from azureml.core.model import Model; print(Model.get_model_path('tiny'), Model.get_model_path('tiny', 3))"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root folder for the script of an image with one file."""
    for name in NAMES:
        monkeypatch.setenv(name, "before")
    model = tmp_path / "bundle" / "model"
    model.mkdir(parents=True)
    (model / "model.pkl").write_text("the model")
    (model / "training_data.json").write_text("{}")
    content = {"name": "tiny:3", "model": {"name": "tiny", "version": 3}, "runtime": "script"}
    (tmp_path / "bundle" / "manifest.json").write_text(json.dumps(content))
    for _ in range(2):  # as two workers do
        set_variables(tmp_path / "bundle", tmp_path / "app")
    return tmp_path / "app"


def test_the_folder_of_the_model_is_named_as_on_azure(root: Path) -> None:
    folder = Path(os.environ["AZUREML_MODEL_DIR"])
    assert folder == root / "azureml-models" / "tiny" / "3"
    assert [path.name for path in folder.iterdir()] == ["model.pkl"]
    assert (folder / "model.pkl").read_text() == "the model"
    assert os.environ["AML_APP_ROOT"] == str(root)
    assert os.environ["AZUREML_ENTRY_SCRIPT"] == str(root.with_name("bundle") / "score.py")


@pytest.mark.slow
def test_the_azure_sdk_finds_the_model(root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FIND], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(root / "azureml-models" / "tiny" / "3" / "model.pkl")] * 2
