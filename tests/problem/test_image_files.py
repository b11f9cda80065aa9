"""The modules that travel beside the scoring script."""

from pathlib import Path

import pytest

from mlops.errors import ProblemError
from mlops.problem import Column, Problem, metrics
from mlops.problem.image_files import find_image_files


class Prices(Problem):
    """A problem whose package is a folder of the test."""

    name = "prices"
    columns = (Column("area"), Column("price", role="target"))
    metrics = (metrics.mean_squared_error("mse"),)

    def __init__(self, folder: Path, *names: str) -> None:
        super().__init__()
        self.folder, self.image_files = folder, names  # type: ignore[misc]


def test_the_modules_are_in_the_folder_of_the_problem(tmp_path: Path) -> None:
    (tmp_path / "features.py").write_text("")
    assert find_image_files(Prices(tmp_path, "features.py")) == [tmp_path / "features.py"]
    assert find_image_files(Prices(tmp_path)) == []


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    said = r"has 'features\.py' in `image_files`, but there is no .*/features\.py\. Create the file, or"
    with pytest.raises(ProblemError, match=said):
        find_image_files(Prices(tmp_path, "features.py"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("features", r"Write the name of a module beside the declaration: features\.py\."),
        ("deeper/features.py", "Write the name of a module"),
        ("../features.py", "Write the name of a module"),
        ("json.py", "already has a module json. Rename the file."),
        ("score.py", "already has a module score. Rename the file."),
    ],
)
def test_a_module_that_the_image_cannot_contain_is_refused_with_the_declaration(name: str, said: str) -> None:
    declared = type("Declared", (Prices,), {"image_files": (name,), "__init__": Problem.__init__})
    with pytest.raises(ProblemError, match=f"^The problem 'prices' has '{name}' in `image_files`.*{said}"):
        declared()
