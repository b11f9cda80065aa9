"""The requirements of a notebook, which are checked before it is executed."""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mlops.errors import UsageError
from mlops.execution.notebook import execute
from mlops.execution.source import KernelSpec, find_kernel, require_sources

TAGGED = nbformat.v4.new_code_cell("x = 1  # a number", metadata={"tags": ["parameters"]})


def write(folder: Path, *cells: Any, **metadata: Any) -> Path:
    """Write a notebook of these cells."""
    path = folder / "notebooks" / "01_look.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells), metadata=metadata), path)
    return path


def test_a_notebook_without_a_kernelspec_runs_on_the_project_s_kernel(tmp_path: Path) -> None:
    source = write(tmp_path, TAGGED, nbformat.v4.new_code_cell("print('x is', x)"))
    require_sources([source])
    execute(source, tmp_path / "copy.ipynb", {"x": 5}, seconds=60)
    assert "x is 5" in (tmp_path / "copy.ipynb").read_text()


def test_the_kernel_is_the_one_that_the_notebook_names(tmp_path: Path) -> None:
    named = write(tmp_path, TAGGED, kernelspec={"name": "ir", "display_name": "R"}, language_info={"name": "R"})
    assert find_kernel(named) == KernelSpec("ir", "R")
    assert find_kernel(write(tmp_path, TAGGED)) == KernelSpec("python3", "python")


def test_an_unknown_kernel_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path, TAGGED, kernelspec={"name": "fortran", "display_name": "Fortran"})
    with pytest.raises(UsageError) as raised:
        require_sources([source])
    assert str(raised.value).startswith(
        "notebooks/01_look.ipynb: The Jupyter kernel 'fortran' is not installed here (installed: "
    )
    assert str(raised.value).endswith("). Choose another one in JupyterLab, for example the project's own, 'python3'.")


def test_a_kernel_whose_program_is_gone_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {"argv": ["/gone/bin/python", "-m", "x"], "display_name": "gone", "language": "python"}
    (tmp_path / "kernels" / "gone").mkdir(parents=True)
    (tmp_path / "kernels" / "gone" / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    source = write(tmp_path, TAGGED, kernelspec={"name": "gone", "display_name": "gone"})
    with pytest.raises(UsageError, match="kernel 'gone' starts /gone/bin/python, which does not exist"):
        require_sources([source])


MARKDOWN = nbformat.v4.new_markdown_cell("x", metadata={"tags": ["parameters"]})
SECOND = nbformat.v4.new_code_cell("y = 2", metadata={"tags": ["parameters"]})


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([nbformat.v4.new_code_cell("x = 1")], "No cell is tagged `parameters`, so the notebook would ignore its"),
        (
            [TAGGED, SECOND],
            "The tag `parameters` must be on one code cell only. Remove it from the others.",
        ),
        ([MARKDOWN], "must be on one code cell only"),
    ],
)
def test_a_lost_or_repeated_tag_is_refused(tmp_path: Path, cells: list[Any], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        require_sources([write(tmp_path, *cells)])
    assert said in str(raised.value)
    assert str(raised.value).startswith("notebooks/01_look.ipynb: ")
