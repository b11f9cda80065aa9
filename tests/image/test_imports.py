"""The check of the imports in an image: what its lock lacks is refused with the line and the fix."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

from mlops.errors import ProblemError
from mlops.image import imports
from mlops.image.imports import check_imports
from mlops.image.runtimes.packages import FASTER_PACKAGES, SERVER_PACKAGES
from mlops.image.sources import ImageSources, find_sources
from mlops.problem import load
from mlops.workspace import find_workspace

SERVER = [f"{name}=={version(name)}" for name in SERVER_PACKAGES]


@pytest.fixture(scope="module", autouse=True)
def _list_packages_once() -> Iterator[None]:
    """No test installs a package here, and listing all of them takes 0.2 s."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imports, "packages_distributions", cache(packages_distributions))
        yield


def check(
    tmp_path: Path,
    script: str,
    *pins: str,
    lock: list[str] = SERVER,
    environment: Path | None = None,
    **modules: str,
) -> list[str]:
    """Check a script of the problem `churn`. `modules` are its image files, by name and content."""
    folder = tmp_path / "src" / "churn"
    folder.mkdir(parents=True)
    (folder / "score.py").write_text(script)
    (folder / "score_requirements.lock").write_text("\n".join([*lock, *pins]))
    files = [folder / f"{name}.py" for name in modules]
    for file in files:
        file.write_text(modules[file.stem])
    sources = ImageSources(tmp_path, folder / "score.py", folder / "score_requirements.lock", tuple(files), b"")
    return check_imports(sources, environment)


@pytest.mark.parametrize(
    "script",
    [
        "import json, xml.sax\nfrom os import path\nimport numpy as np\nfrom numpy.typing import NDArray",
        "from serving import script",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas",
        "import typing\nif typing.TYPE_CHECKING:\n    import pandas",
        "try:\n    import pandas\nexcept ImportError:\n    pandas = None",
        "try:\n    import pandas\nexcept (AttributeError, ModuleNotFoundError):\n    pandas = None",
        "try:\n    import numpy\nexcept ImportError:\n    import pandas",  # the alternative never runs
        "try:\n    import pandas\nexcept ImportError:\n    pass\nelse:\n    import pandas.plotting",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    import pandas",
    ],
)
def test_an_import_is_allowed(tmp_path: Path, script: str) -> None:
    check(tmp_path, script)


@pytest.mark.parametrize(
    "script",
    [
        "import json\nimport sklearn.linear_model",
        "import json\nfrom sklearn import linear_model",
        "def run(data):\n    from sklearn.linear_model import Ridge",
        "try:\n    from sklearn import linear_model\nexcept ValueError:\n    pass",
        "try:\n    import pandas\nexcept ImportError:\n    import sklearn",
        "if True:\n    import sklearn",
        "with open('x'):\n    import sklearn",
        "class A:\n    import sklearn",
    ],
)
def test_an_import_that_the_lock_does_not_name_is_refused(tmp_path: Path, script: str) -> None:
    with pytest.raises(ProblemError) as caught:
        check(tmp_path, script)
    found = str(caught.value)
    assert found.startswith("src/churn/score.py, line ")
    assert "The image does not contain the module sklearn" in found
    wanted = f"Add scikit-learn=={version('scikit-learn')} and its dependencies to src/churn/score_requirements.lock."
    assert found.endswith(wanted)


def test_the_line_of_the_import_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=r"score\.py, line 3: The image does not contain the module sklearn\.svm\."):
        check(tmp_path, "import json\n\nfrom sklearn.svm import SVC\n")


@pytest.mark.parametrize("pins", [["scikit-learn==1.0"], ["pandas==2.0", "scikit_learn==1.0"]])
def test_the_lock_is_enough_in_any_spelling_and_version(tmp_path: Path, pins: list[str]) -> None:
    check(tmp_path, "import sklearn", *pins)


def test_only_what_a_package_that_is_not_installed_may_contain_is_not_checked(tmp_path: Path) -> None:
    missing = "opencv-python-headless==4.0"
    assert check(tmp_path / "installed", "import json, numpy", missing) == []
    unchecked = check(tmp_path / "unknown", "import json\nimport cv2", missing)
    assert unchecked == [
        "src/churn/score.py, line 2: The import of cv2 was not checked, because src/churn/score_requirements.lock has "
        "packages that are not installed here. To check it, install them with `.venv/bin/uv pip install "
        "opencv-python-headless==4.0`."
    ]
    with pytest.raises(
        ProblemError, match=r"score\.py, line 2: The image does not contain the module sklearn\. Add sci"
    ):
        check(tmp_path / "known", "import cv2\nimport sklearn", missing)
    with pytest.raises(ProblemError, match=r"module features\. Add to .* the package that contains this module"):
        check(tmp_path / "none", "import features")


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("pandas", "pandas-lite"),
        ("pandas", "intel-pandas"),
        ("pandas", "pandas-cuda12x"),
        ("pandas", "pandas-lts-cpu"),
        ("sklearn", "scikit-learn-gpu"),
        ("dateutil", "python-headless-dateutil"),
        ("google.cloud.storage", "google-cloud-storage"),  # another package provides google.protobuf
    ],
)
def test_a_variant_of_a_package_may_contain_its_modules(tmp_path: Path, module: str, package: str) -> None:
    (unchecked,) = check(tmp_path, f"import {module}", f"{package}==1.0")
    assert f"`.venv/bin/uv pip install {package}==1.0`" in unchecked


@pytest.mark.parametrize(
    ("module", "package"),
    [("sklearn", "scikit-image"), ("pandas", "pandas-gbq"), ("pandas", "intel-numpy"), ("dateutil", "python-json")],
)
def test_a_package_with_a_similar_name_is_no_variant(tmp_path: Path, module: str, package: str) -> None:
    with pytest.raises(ProblemError, match=rf"The image does not contain the module {module}\. Add \S+==\S+ and its"):
        check(tmp_path, f"import {module}", f"{package}==1.0")


def test_the_environment_of_the_lock_has_every_module(tmp_path: Path) -> None:
    packages = tmp_path / "environment" / "lib" / "python3.11" / "site-packages"
    for name in (*SERVER_PACKAGES, "pandas", "opencv_python_headless"):
        folder = packages / f"{name}-4.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 4.0\n")
        (folder / "RECORD").write_text(f"{'cv2' if name.startswith('opencv') else name}/__init__.py,,\n")
    pins = ("pandas==4.0", "opencv-python-headless==4.0")
    inside = tmp_path / "environment"
    assert check(tmp_path / "inside", "import cv2, pandas", *pins, environment=inside) == []
    with pytest.raises(ProblemError, match=r"line 1: The image does not contain the module cv3\. Add to"):
        check(tmp_path / "outside", "import cv3", *pins, environment=inside)


def test_a_namespace_needs_the_right_package(tmp_path: Path) -> None:
    pytest.importorskip("azure.core")
    check(tmp_path / "one", "from azure.core import exceptions", "azure-core==1.0")
    with pytest.raises(ProblemError, match=r"azure\.identity\. Add azure-identity=="):
        check(tmp_path / "two", "import azure.identity", "azure-core==1.0")


def test_modules_beside_the_script_are_part_of_the_image(tmp_path: Path) -> None:
    check(tmp_path, "import features", features="import numpy")


def test_the_modules_beside_the_script_are_checked_too(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=r"src/churn/features\.py, line 1: .* module pandas\. Add pandas=="):
        check(tmp_path, "import features", features="import pandas")


@pytest.mark.parametrize("statement", ["from .features import ratio", "from . import features, features as other"])
def test_modules_beside_the_script_can_be_imported_relatively(tmp_path: Path, statement: str) -> None:
    check(tmp_path, statement, features="from .features import ratio")


@pytest.mark.parametrize("statement", ["from ..model import weights", "from .model import weights", "from . import a"])
def test_a_relative_import_of_another_module_is_refused(tmp_path: Path, statement: str) -> None:
    with pytest.raises(ProblemError, match=r"module \.+\w+\. Instead, import a module from the folder of score\.py"):
        check(tmp_path, statement, features="")


@pytest.mark.parametrize("statement", ["import features", "from .features import ratio", "from . import features"])
def test_a_module_that_is_not_an_image_file_is_refused(tmp_path: Path, statement: str) -> None:
    (tmp_path / "src" / "churn").mkdir(parents=True)
    (tmp_path / "src" / "churn" / "features.py").write_text("")
    (tmp_path / "src" / "churn" / "score.py").write_text(statement)
    lock = tmp_path / "src" / "churn" / "score_requirements.lock"
    lock.write_text("\n".join(SERVER))
    with pytest.raises(ProblemError, match=r'features\. Add "features\.py" to `image_files` of the problem\.'):
        check_imports(ImageSources(tmp_path, lock.with_name("score.py"), lock, (), b""))


def test_a_package_of_the_project_is_refused(tmp_path: Path) -> None:
    (tmp_path / "src" / "mlops").mkdir(parents=True)
    with pytest.raises(ProblemError, match=r"module mlops\.data\. Move the code that the script needs into a module"):
        check(tmp_path, "import mlops.data")


def test_a_lock_without_the_packages_of_the_server_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=r"lock lacks packages that the server needs\. Add uvicorn==\S+ and uvloop="):
        check(tmp_path, "import json", lock=SERVER[:3])


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("def run(:", "invalid syntax"),
        ("def run(data, data): ...", "duplicate argument 'data' in function definition"),
        ("def run(data):\n  pass\n  global data", "name 'data' is parameter and global"),
        ("return 1", "'return' outside function"),
        ("\0", "source code string cannot contain null bytes"),
    ],
)
@pytest.mark.parametrize("name", ["score", "features"])
def test_a_file_that_is_not_python_is_refused(tmp_path: Path, name: str, statement: str, why: str) -> None:
    files = {"script": "import json", "features": "import json", name.replace("score", "script"): "\n" + statement}
    with pytest.raises(ProblemError) as caught:
        check(tmp_path, **files)
    found = re.fullmatch(
        rf"src/churn/{name}\.py(, line [24])?: This is not valid Python \({re.escape(why)}\)\. Correct it\.",
        str(caught.value),
    )
    assert found
    assert bool(found[1]) == (statement != "\0")


def test_the_packages_of_the_server_are_those_of_its_extra() -> None:
    declared = tomllib.loads((find_workspace().project / "pyproject.toml").read_text())["project"]
    assert sorted(SERVER_PACKAGES + FASTER_PACKAGES) == declared["optional-dependencies"]["scoring"]


@pytest.mark.parametrize("name", ["progression", "cancer", "churn"])
def test_the_images_of_the_problems_are_closed(name: str) -> None:
    check_imports(find_sources(load(name), find_workspace().project))
