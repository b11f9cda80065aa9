"""Scoring scripts that read the body of a request themselves are recognized without running them."""

from pathlib import Path

import entry_scripts
import pytest

from mlops.errors import ProblemError
from mlops.image.check import check_sources
from mlops.image.entry import reads_body
from mlops.image.sources import ImageSources, find_sources
from mlops.problem import load
from mlops.workspace import find_workspace


def write(folder: Path, code: str) -> Path:
    """Write a script."""
    (folder / "score.py").write_text(code)
    return folder / "score.py"


@pytest.mark.parametrize(
    "code",
    [
        entry_scripts.TEXT,
        entry_scripts.HEADERS,
        entry_scripts.NUMPY,
        entry_scripts.PANDAS,
        entry_scripts.RAW,
        "import pandas as pd\ndef run(body): return pd.read_json(body)",
        "import pandas as pd, io\ndef run(body): return pd.read_json(io.StringIO(body))",
        "import json\ndef run(body):\n try:\n  return model.predict([[json.loads(body)]])\n except Exception: pass",
        "import schemas\n@schemas.input_schema('data', 1)\ndef run(data): return data",
    ],
)
def test_a_script_for_azure_reads_the_body(tmp_path: Path, code: str) -> None:
    assert reads_body(write(tmp_path, code))


@pytest.mark.parametrize(
    "code",
    [
        "def run(data): return data.sum(axis=1)",
        "import json\ndef init(): json.loads(text)\ndef run(data): return json.loads(path.read_text())",
        "import json\ndef parse(data): return json.loads(data)\ndef run(data): return [0.5]",
        "from score_parts import run",
        "def run(data: return",
        "run = \0",
    ],
)
def test_a_script_of_ours_gets_arrays(tmp_path: Path, code: str) -> None:
    assert not reads_body(write(tmp_path, code))


@pytest.mark.parametrize("name", ["progression", "cancer", "churn"])
def test_the_scripts_of_the_tests_get_arrays(name: str) -> None:
    assert find_sources(load(name), find_workspace().project).schema


def test_the_check_of_an_image_says_so(tmp_path: Path) -> None:
    script = write(tmp_path, "import json\ndef init(): ...\ndef run(raw_data): return json.loads(raw_data)\n")
    (said,) = check_sources(find_sources(load("progression"), find_workspace().project, str(script)))
    assert said == (
        f"{script} reads the body of a request itself, as on Azure. So the service does not check rows. It collects "
        "requests and answers as text, and returns what the script returns."
    )


@pytest.mark.parametrize("pin", ["azureml-inference-server-http==1.4.1", "azureml-contrib-services==1.62.0"])
def test_two_packages_provide_rawhttp(tmp_path: Path, pin: str) -> None:
    (said,) = check_sources(find_raw_sources(tmp_path, pin))
    assert "reads the body" in said


def test_another_package_of_azure_does_not_provide_rawhttp(tmp_path: Path) -> None:
    said = r"does not contain the module azureml\.contrib\.services\.aml_request\. Add azureml-contrib-services and"
    with pytest.raises(ProblemError, match=said):
        check_sources(find_raw_sources(tmp_path, "azureml-core==1.61.0.post4"))


def find_raw_sources(folder: Path, pin: str) -> ImageSources:
    """Return the sources of an image with a script that uses ``@rawhttp``."""
    problem, project = load("progression"), find_workspace().project
    script, lock = write(folder, entry_scripts.RAW), folder / "pins.lock"
    lock.write_text(f"{find_sources(problem, project).requirements.read_text()}\n{pin}\n")
    return find_sources(problem, project, str(script), str(lock))
