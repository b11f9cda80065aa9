"""The arithmetic of the benchmark; the benchmark itself is not run here, because tests cannot judge times."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
import numpy as np
import pytest
from numpy.typing import NDArray
from served import serve

from benchmarks import large, scoring, variants
from benchmarks.default_install import PIN
from benchmarks.eight import make_project
from benchmarks.goals import GOALS, Figure, Goal, compare
from benchmarks.large import name_steps
from benchmarks.load import AnswerError, send_many, send_steadily
from benchmarks.measure import Sample, Summary, interleave, make_row, summarize
from benchmarks.notebooks import EIGHT
from benchmarks.peaks import watch_children
from benchmarks.processes import CommandError, measure_commands
from benchmarks.report import show_section, write_results
from benchmarks.scratch import Section
from benchmarks.sections import SECTIONS
from benchmarks.start import read_importtime
from mlops.image.schema import encode_schema
from mlops.serving.app import Application
from mlops.serving.schema import decode_schema
from mlops.serving.scoring import Scorer

FASTER = make_row("ours", [Sample(2.0, 1.0), Sample(1.0, 2.0), Sample(9.0, 9.0)])
SLOWER = make_row("peer", [Sample(20.0, 5.0)])


def test_a_summary_is_the_median_and_the_extremes() -> None:
    assert summarize([3.0, 1.0, 10.0]) == Summary(3.0, 1.0, 10.0)
    assert summarize([1.0, 2.0]).median == 1.5


def test_rounds_begin_with_another_variant_each_time() -> None:
    order: list[str] = []

    def measure(name: str) -> Sample:
        order.append(name)
        return Sample(float(len(order)), 0.0)

    found = interleave({name: lambda name=name: measure(name) for name in "abc"}, 3)
    assert "".join(order) == "abcbcacab"
    assert [sample.wall for sample in found["a"]] == [1.0, 6.0, 8.0]


def test_a_ratio_is_that_of_the_medians_and_the_right_way_round() -> None:
    times, share = compare("cli_own", "warm", FASTER, SLOWER), compare("scripts", "warm", FASTER, SLOWER)
    assert [(figure.measure, figure.value) for figure in times] == [("wall", 10.0), ("CPU", 2.5)]
    assert [(figure.measure, figure.value) for figure in share] == [("wall", 0.1), ("CPU", 0.4)]


@pytest.mark.parametrize(
    ("goal", "value", "verdict"),
    [
        (Goal("speed", 7, 10), 6.9, "goal not met"),
        (Goal("speed", 7, 10), 7.0, "goal met"),
        (Goal("speed", 7, 10), 10.0, "aim met"),
        (Goal("time", 250, 120, " ms", at_least=False), 250.1, "goal not met"),
        (Goal("time", 250, 120, " ms", at_least=False), 130.0, "goal met"),
        (Goal("time", 250, 120, " ms", at_least=False), 120.0, "aim met"),
    ],
)
def test_a_goal_is_judged(goal: Goal, value: float, verdict: str) -> None:
    assert goal.judge(value) == verdict


def test_a_goal_for_a_cold_parent_may_differ() -> None:
    assert [Figure("one_process", parent, "wall", 1.5).judge() for parent in ("warm", "cold")] == [
        "goal not met",
        "aim met",
    ]
    assert "(<= 1.6x)" in Figure("one_process", "cold", "wall", 1.5).describe()


def test_the_time_of_imports_is_what_each_module_took_by_itself() -> None:
    head = "import time: self [us] | cumulative | imported package\n"
    shown = f"{head}import time:   100 |   100 |     a.b\nimport time:   20 |   120 |   a\n"
    assert read_importtime(f"a warning\n{shown}") == {"a.b": 100, "a": 20}


def test_no_aim_is_below_its_goal() -> None:
    assert [goal.what for goal in GOALS.values() if goal.judge(goal.aim) != "aim met"] == []


def test_what_is_shown_and_kept(tmp_path: Path) -> None:
    section = Section("Eight", (FASTER, SLOWER), (Figure("cli_own", "warm", "wall", 10.0),), ("a note",))
    shown = show_section(section)
    assert "wall 2.00 s (1.00 to 9.00)" in shown
    assert "10.00x   aim met      (>= 7x, aim >= 10x)" in shown
    write_results(tmp_path / "found.json", {"cores": 2}, {"eight": section})
    kept = json.loads((tmp_path / "found.json").read_text())
    assert kept["sections"]["eight"]["figures"][0]["verdict"] == "aim met"
    assert kept["sections"]["eight"]["rows"][0]["columns"]["CPU"] == {"median": 2.0, "low": 1.0, "high": 9.0}


def test_the_scratch_project_has_notebooks_and_the_same_as_scripts(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    names = sorted(EIGHT)
    assert sorted(path.stem for path in (project / "notebooks").iterdir()) == names
    assert sorted(path.stem for path in (project / "scripts").iterdir()) == names
    for name in names:
        notebook = nbformat.read(project / "notebooks" / f"{name}.ipynb", as_version=4)
        nbformat.validate(notebook)
        script = (project / "scripts" / f"{name}.py").read_text()
        code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        assert all(source in script for source in code)
        assert not [word for word in ("mlops", "diabetes import", "scrapbook") if word in script]


def test_the_default_installation_has_the_versions_of_the_lock(project: Path) -> None:
    lock = (project / "requirements.lock").read_text()
    pins = ["".join(pin) for pin in PIN.findall(lock)]
    assert len(pins) == sum(line[0].isalnum() for line in lock.splitlines() if line)
    assert any(pin.startswith("papermill==") for pin in pins)


def test_the_memory_of_a_step_is_that_of_its_kernel() -> None:
    steps = [
        {"name": "test_data", "state": "done", "seconds": 2.5},
        {"name": "release", "state": "skipped", "seconds": 0.0},
        {"name": "deploy", "state": "done", "seconds": 1.5, "environment": "qa"},
    ]
    found = {"test_data": (2.5, 300.0), "deploy qa": (1.5, 100.0)}
    assert name_steps({"steps": steps}, [300.0, 100.0]) == found
    assert name_steps({"steps": steps}, [300.0, 20.0, 100.0]) == found  # a kernel was prepared for the skipped step
    with pytest.raises(ValueError, match="shorter"):
        name_steps({"steps": steps}, [300.0])


def test_the_services_of_a_failed_run_are_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words: list[str] = []

    def fail_run(commands: Sequence[Sequence[str | Path]], environ: Mapping[str, str], directory: Path) -> Sample:
        words.append(str(commands[0][1]))
        if words == ["run"]:
            raise CommandError("the run failed")
        return Sample(1.0, 1.0)

    monkeypatch.setattr(large, "warm_up", lambda environ, directory: None)
    monkeypatch.setattr(large, "measure_commands", fail_run)
    with pytest.raises(CommandError, match="the run failed"):
        large._measure_run(tmp_path, tmp_path, tmp_path / "data.parquet", ("run", "all"))
    assert words == ["run", "stop"]


def test_the_largest_memory_of_a_process_is_watched() -> None:
    work = "import time; data = bytearray(60_000_000); time.sleep(1)"
    with watch_children() as peaks:
        subprocess.run([sys.executable, "-c", work], check=True)
    # Earlier tests of this process may have left larger children.
    assert any(60 < peak < 120 for peak in peaks.values())


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "closed"])
def test_each_request_of_a_load_is_answered(kept: bool) -> None:
    request = load_request(kept)
    rows: list[int] = []

    def count(data: NDArray[np.float64]) -> NDArray[np.float64]:
        rows.append(len(data))
        return data[:, 0]

    schema = decode_schema(encode_schema(scoring.problem))
    with serve(Application(Scorer(count, schema), [scoring.KEY], {})) as url:
        port = int(url.split(":")[-1])
        assert send_many(port, request, 100) > 0
        assert len(send_steadily(port, request, 1000, 0.05)) == 50
        assert sum(rows) == 3 * (1 + 100 + 1 + 50)  # each load begins with a request that shows the size of the answers
        with pytest.raises(AnswerError, match="401 Unauthorized"):
            send_many(port, request.replace(b"Bearer", b"Basic"), 1)


def load_request(kept: bool) -> bytes:
    """Return a request with three rows."""
    request = scoring.make_request(3)
    return request if kept else request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


def test_every_section_of_the_benchmark_is_there() -> None:
    assert set(SECTIONS) == {"eight", "overhead", "sweep", "start", "memory", "nbval", "service", "scoring", "large"}


@pytest.mark.slow
def test_the_eight_notebooks_run_in_a_copy_of_the_engine(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    measure_commands([variants.RUN], variants.make_own_environ(project), project)
    (run,) = (project / "outputs").glob("*/run.json")
    steps = json.loads(run.read_text(encoding="utf-8"))["steps"]
    assert [step["state"] for step in steps] == ["done"] * len(EIGHT)
