"""The files that share a parent of warm kernels are tested by one worker."""

from pathlib import Path

from spread import GROUPS, find_group


def test_every_path_of_a_group_exists(project: Path) -> None:
    paths = [path for group in GROUPS for path in group]
    assert [path for path in paths if not (project / path).exists()] == []


def test_a_test_is_in_the_first_group_that_has_its_path() -> None:
    names = ("end_to_end/test_sweep.py::test_a", "sweeps/test_run.py::test_a", "data/test_rows.py::test_a")
    assert [find_group(f"tests/{name}") for name in names] == [0, 2, 3]
