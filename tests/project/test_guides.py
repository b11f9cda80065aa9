"""The guides in docs/ name files that exist."""

import re
from pathlib import Path

import pytest

GUIDES = sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "docs").glob("*.md"))
FOLDERS = r"(?:src|tests|docs|parameters|notebooks|\.ci)/"


@pytest.fixture(params=GUIDES)
def guide(request: pytest.FixtureRequest, project: Path) -> str:
    """The text of each guide in turn."""
    return (project / "docs" / f"{request.param}.md").read_text()


def test_every_path_exists(guide: str, project: Path) -> None:
    named = re.findall(rf"`({FOLDERS}[\w./-]*)`", guide)
    assert [path for path in named if not (project / path).exists()] == []


def test_every_link_resolves(guide: str, project: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", guide)
    assert [link for link in links if not (project / "docs" / link).exists()] == []


def test_every_module_that_a_guide_names_exists(guide: str, project: Path) -> None:
    """As `release/policy.py`, within the engine."""
    named = re.findall(r"`([a-z_]+/[\w/]+\.py)`", guide)
    engine = [path for path in named if not re.match(FOLDERS, path)]
    assert [path for path in engine if not (project / "src" / "mlops" / path).exists()] == []


def test_every_test_that_is_to_be_copied_exists(project: Path) -> None:
    named = set(re.findall(r"`(test_\w+)`", (project / "docs" / "development.md").read_text()))
    tests = "\n".join(path.read_text() for path in (project / "tests").rglob("test_*.py"))
    assert [name for name in named if f"def {name}(" not in tests] == []
    assert len(named) >= 3
