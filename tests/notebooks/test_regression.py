"""Notebook regression: the committed outputs against a fresh run, and proof that it catches what it should.

The notebooks and their outputs are those of the checkout, whose problem can be any.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from checkout import list_tracked

from mlops.parameters.layers import read_layer

SANITIZE = Path(__file__).resolve().parents[2] / "notebooks" / "sanitize.cfg"
NBVAL = ("--nbval-lax", "--nbval-sanitize-with", str(SANITIZE), "-p", "no:cacheprovider")


def check(notebooks: Sequence[Path], scratch: Path, **options: str) -> "subprocess.CompletedProcess[str]":
    """Run nbval on notebooks, in order. It must not write to the user's state, which is in `scratch`."""
    environ = {**os.environ, "MLOPS_HOME": str(scratch / "home"), "TMPDIR": str(scratch), **options}
    project = notebooks[0].parents[1]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *NBVAL, "--rootdir", str(project), *map(str, notebooks)],
        cwd=project,
        env=environ,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def check_copy(copy: Path, scratch: Path, *names: str, **options: str) -> "subprocess.CompletedProcess[str]":
    """Run nbval on notebooks of the copy."""
    return check([copy / "notebooks" / f"{name}.ipynb" for name in names], scratch, **options)


@pytest.fixture
def copy(project: Path, tmp_path: Path) -> Path:
    """A copy of the checkout in which a test causes a regression."""
    copy = tmp_path / "copy"
    for name in ("src", "notebooks", "parameters"):
        shutil.copytree(project / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def replace_in(path: Path, old: str, new: str) -> None:
    """Replace each match of a pattern, of which there must be one."""
    changed, count = re.subn(old, new, path.read_text(encoding="utf-8"))
    assert count, f"{path} has no {old!r}"
    path.write_text(changed, encoding="utf-8")


def test_the_committed_notebooks_pass_and_leave_the_users_state_alone(
    project: Path, tmp_path: Path, find_processes: Callable[[str], list[psutil.Process]]
) -> None:
    index = tmp_path / "outputs" / "index.html"
    index.parent.mkdir()
    index.write_text("the user's index", encoding="utf-8")
    ran = check(list_tracked(project, "notebooks/*.ipynb"), tmp_path, MLOPS_OUTPUTS=str(index.parent))
    assert ran.returncode == 0, ran.stdout[-3000:]
    assert not (tmp_path / "home").exists()
    assert index.read_text(encoding="utf-8") == "the user's index"
    assert find_processes(f"{tmp_path}/mlops-nbval-") == []


@pytest.mark.slow
def test_the_committed_notebooks_which_fresh_kernels_have_run_pass_on_fresh_ones_too(
    project: Path, tmp_path: Path
) -> None:
    """The test above runs warm kernels against the same outputs, so both kinds produce the same."""
    ran = check(list_tracked(project, "notebooks/*.ipynb"), tmp_path, MLOPS_WARM_KERNELS="0")
    assert ran.returncode == 0, ran.stdout[-3000:]


def change_problem(copy: Path, code: str) -> None:
    """Append code to the declaration of the problem, whichever that is."""
    name = read_layer(copy / "parameters" / "base.yml").problem
    with (copy / "src" / name / "__init__.py").open("a", encoding="utf-8") as file:
        file.write(code)


def change_the_model(copy: Path) -> None:
    change_problem(
        copy,
        "predict = type(problem).predict\n"
        "type(problem).predict = lambda self, model, rows: predict(self, model, rows)[::-1]\n",
    )


def change_a_metric(copy: Path) -> None:
    change_problem(
        copy,
        "from dataclasses import replace\n"
        "first, *others = problem.metrics\n"
        "type(problem).metrics = (replace(first, score=lambda actual, predicted: 0.5), *others)\n",
    )


def change_the_split(copy: Path) -> None:
    replace_in(copy / "src" / "mlops" / "problem" / "split.py", r"2\.0\*\*64 < share", "2.0**64 < share * 1.1")


def change_a_default(copy: Path) -> None:
    replace_in(copy / "notebooks" / "02_train.ipynb", r"holdout_share = [\d.]+", "holdout_share = 0.45")


def change_a_table(copy: Path) -> None:
    shown = "excerpts.show_largest(problem.explain(fitted))"
    replace_in(copy / "notebooks" / "02_train.ipynb", re.escape(shown), f"{shown}.T")


def change_a_number_in_the_output(copy: Path) -> None:
    replace_in(copy / "notebooks" / "02_train.ipynb", r"<td>(\d+)</td>", r"<td>1\1</td>")


SEEDS = (
    change_the_model,
    change_a_default,
    change_a_number_in_the_output,
    change_the_split,
    change_a_metric,
    change_a_table,
)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.__name__)
def test_a_seeded_regression_is_caught(copy: Path, tmp_path: Path, seed: Callable[[Path], None]) -> None:
    """The copy has its own sources. A fresh kernel takes less time than another parent of warm kernels."""
    seed(copy)
    options = {"PYTHONPATH": str(copy / "src"), "MLOPS_WARM_KERNELS": "0"}
    ran = check_copy(copy, tmp_path, "02_train", **options)
    assert ran.returncode == 1, ran.stdout[-3000:]
    assert re.search(r"FAILED .*02_train\.ipynb::Cell \d+", ran.stdout), ran.stdout[-3000:]


def test_only_a_digit_that_matters_fails(copy: Path, tmp_path: Path) -> None:
    """A difference in a float's last digit, a run id, a time, a path, a digest or a port does not fail the test."""
    path = copy / "notebooks" / "01_test_data.ipynb"
    notebook = json.loads(path.read_text())
    place, checked = next(
        (place, cell) for place, cell in enumerate(notebook["cells"]) if "passed with" in "".join(cell["source"])
    )
    shown = (
        "0.{digits} {run} 2026-11-22T1{n}:00:00Z 2026-11-22 1{n}:00:00.123 /tmp/{n}/models/a.csv "
        "sha256:{digest} http://127.0.0.1:4000{n}"
    )

    def write(n: int, digits: str) -> str:
        return shown.format(n=n, digits=digits, run=f"20261122-19075{n}-all-3fa51c2{n}", digest=f"{n}" * 64)

    def print_text(name: str, printed: str, committed: str) -> dict[str, Any]:
        output = {"name": "stdout", "output_type": "stream", "text": [f"{committed}\n"]}
        return {**checked, "id": name, "source": [f"print({printed!r})"], "outputs": [output]}

    notebook["cells"][place : place + 1] = [
        print_text("machines", write(1, "123456789012345"), write(2, "123456789012349")),
        print_text("digit", "0.1234567", "0.1234467"),
    ]
    path.write_text(json.dumps(notebook))
    ran = check_copy(copy, tmp_path, "01_test_data")
    before = sum(cell["cell_type"] == "code" for cell in notebook["cells"][: place + 1])
    assert re.findall(r"FAILED .*::Cell (\d+)", ran.stdout) == [str(before)], ran.stdout[-3000:]
