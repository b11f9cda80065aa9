"""The page of a sweep, and its summary on the terminal."""

import io
import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from declared import declare

from mlops.cli.progress.sweep import SweepProgress, summarize_sweep
from mlops.portal.sweep_page import write_page
from mlops.portal.sweep_plot import describe_plot, plot_sweep
from mlops.record.ledger import RunRecord, StepRecord
from mlops.sweeps.results import Point, Sweep, describe_best, rank_points

ERROR = "ValueError in cell [5]: <script>alert(1)</script>"


def make(axes: Mapping[str, tuple[Any, ...]], failed: tuple[int, ...] = ()) -> tuple[Sweep, list[Point]]:
    """Make a sweep in which every point has its number as score, but for those that failed."""
    points = []
    for number, values in enumerate(itertools.product(*axes.values()), start=1):
        combination = dict(zip(axes, values, strict=True))
        if number in failed:
            points.append(Point(number, combination, "failed", 1.0, f"02_train-{number}.ipynb", error=ERROR))
        else:
            results = {"cv_mse": float(number), "r2": 1 / number, "same": 1.5, "alpha": 1.0, "training_run": "abc"}
            points.append(
                Point(number, combination, "done", 1.0, f"02_train-{number}.ipynb", float(number), results=results)
            )
    return Sweep("train", "02_train", axes, "cv_mse"), points


def write(folder: Path, sweep: Sweep, points: list[Point]) -> BeautifulSoup:
    """Write the page of a sweep, and read it."""
    steps = (
        StepRecord("sweep", "02_train", state="done", seconds=12.5),
        StepRecord("train", "02_train", state="done", report="02_train.html"),
    )
    run = RunRecord("run-1", "sweep", "local", "succeeded", "2026-11-22T19:07:58Z", "", (1, 0.0), steps, outcome="done")
    return BeautifulSoup(write_page(folder, run, sweep, points).read_text(), "html.parser")


def test_the_page_has_a_row_for_every_combination_best_first(tmp_path: Path) -> None:
    page = write(tmp_path, *make({"alpha": (0.5, 0.1, 2.0)}, failed=(2,)))
    rows = [[cell.get_text(" ", strip=True) for cell in row.find_all(["td", "th"])] for row in page.find_all("tr")]
    assert rows == [
        ["", "alpha", "cv_mse", "r2", "seconds", "details", "training"],
        ["best", "0.5", "1.00", "1.00", "1.0", "report , notebook", "abc"],
        ["", "2", "3.00", "0.333", "1.0", "notebook", "abc"],
        ["", "0.1", f"failed {ERROR}", "1.0", "notebook", "–"],
    ]
    kept = "The executed notebooks of all combinations are kept beside this page. Open them in JupyterLab."
    kept += " Only the best combination also has a report. The tracking server lists each training under its id."
    assert kept in page.get_text()
    assert page.find("p", class_="verdict").get_text() == (
        "✗ Best: alpha=0.5 with cv_mse 1.00, 66.7% lower than the next, alpha=2. 1 of 3 combinations failed."
    )


def test_the_page_says_in_which_unit_an_error_is(tmp_path: Path) -> None:
    sweep, points = make({"alpha": (0.1, 1.0)})
    points = [replace(point, results={"mae": point.score, **declare("mae", unit="points")}) for point in points]
    page = write(tmp_path, sweep, points)
    assert [head.get_text() for head in page.find_all("th")] == [
        "",
        "alpha",
        "cv_mse",
        "mae (points)",
        "seconds",
        "details",
    ]
    by_error = replace(sweep, metric="mae")
    assert describe_best(by_error, points) == "alpha=0.1 with mae 1.00 points, 50.0% lower than the next, alpha=1"


def test_the_page_says_what_the_other_pages_and_the_terminal_say(tmp_path: Path) -> None:
    page = write(tmp_path, *make({"alpha": (0.1, 1.0, 10.0)}))
    verdict = page.find("p", class_="verdict")
    assert verdict["class"] == ["verdict", "done"]
    assert verdict.get_text() == (
        "✓ Best: alpha=0.1 with cv_mse 1.00, 50.0% lower than the next, alpha=1. It is at the edge of the values of "
        "alpha, so a value beyond it may be better."
    )
    following = "The next step uses this combination if you run mlops run retrain --only evaluate --from run-1."
    assert following in page.get_text()
    facts = {name.get_text(): name.find_next("dd").get_text() for name in page.find_all("dt")}
    assert (facts["Outcome"], facts["Started"]) == ("done", "2026-11-22 19:07:58 UTC")


def test_the_page_needs_nothing_else_and_runs_nothing(tmp_path: Path) -> None:
    page = write(tmp_path, *make({"alpha": (0.1, 1.0, 10.0)}, failed=(3,)))
    policy = page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert page.find_all(["script", "link", "iframe"]) == []
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.find_all("img"))
    assert page.img["alt"] == "cv_mse over alpha, 2 combinations: from 1.00 to 2.00; best at alpha=0.1."
    links = [link["href"] for link in page.find_all("a")]
    assert links == ["../index.html", "02_train.html", *(f"02_train-{number}.ipynb" for number in (1, 2, 3))]


@pytest.mark.parametrize(
    ("axes", "panels", "scale"),
    [
        ({"alpha": (0.1, 1.0)}, 1, "linear"),
        ({"alpha": (0.01, 1.0, 10.0)}, 1, "log"),
        ({"alpha": (0.0, 0.01, 1.0)}, 1, "symlog"),
        ({"alpha": (-1.0, 0.01, 100.0)}, 1, "linear"),
        ({"solver": ("svd", "lsqr"), "alpha": (1.0,)}, 1, "linear"),
        ({"solver": ("svd", "lsqr"), "alpha": (0.1, 1.0, 10.0)}, 1, "linear"),
        ({"flag": (True, False), "alpha": (0.01, 1.0), "columns": (["A"], ["A", "B"]), "seed": (1, 2)}, 4, "linear"),
    ],
)
def test_the_plot_fits_the_parameters(axes: dict[str, tuple[Any, ...]], panels: int, scale: str) -> None:
    sweep, points = make(axes, failed=(2,) if len(axes) > 1 and len(next(iter(axes.values()))) > 2 else ())
    figure = plot_sweep(sweep, points)
    assert figure is not None
    assert (len(figure.axes), figure.axes[0].get_xscale()) == (panels, scale)
    assert "best at" in describe_plot(sweep, points)


def test_there_is_no_plot_of_what_cannot_be_compared() -> None:
    assert plot_sweep(*make({"alpha": (0.1,)})) is None
    assert plot_sweep(*make({"alpha": (0.1, 1.0)}, failed=(1,))) is None


def test_a_page_of_nothing_says_so(tmp_path: Path) -> None:
    sweep, _ = make({"alpha": (0.1, 1.0)})
    assert "No combination finished." in write(tmp_path, sweep, []).get_text()
    sweep, points = make({"alpha": (0.1, 1.0)}, failed=(1, 2))
    assert "✗ Every combination failed." in write(tmp_path, sweep, points).get_text()


def test_the_terminal_counts_and_names_what_failed() -> None:
    sweep, points = make({"alpha": (0.1, 1.0, 10.0)}, failed=(2,))
    stream = io.StringIO()
    progress = SweepProgress(stream)
    steps = (StepRecord("test_data", "01_test_data", state="reused", reason="from run r"),)
    progress.sweep_started(RunRecord("r", "sweep", "local", "running", "", "", (1, 0.0), steps), sweep)
    for point in points:
        progress.point_ended(point)
    assert stream.getvalue().splitlines() == [
        "= test_data from run r",
        "… train: 0 of 3 combinations",
        "… train: 1 of 3 combinations, best so far cv_mse 1.00 (alpha=0.1)",
        f"✗ alpha=1: {ERROR}",
        "… train: 2 of 3 combinations, best so far cv_mse 1.00 (alpha=0.1)",
        "… train: 3 of 3 combinations, best so far cv_mse 1.00 (alpha=0.1)",
    ]


def test_a_large_sweep_says_little_where_nobody_watches() -> None:
    sweep, points = make({"seed": tuple(range(1000))})
    stream = io.StringIO()
    progress = SweepProgress(stream)
    progress.sweep_started(RunRecord("r", "sweep", "local", "running", "", "", (1, 0.0), ()), sweep)
    for point in points:
        progress.point_ended(point)
    assert len(stream.getvalue().splitlines()) == 11


def test_the_summary_ends_with_how_to_go_on() -> None:
    said = summarize_sweep(
        *make({"alpha": (0.1, 1.0), "label": ("a b",)}, failed=(2,)), "1-sweep", "sweep.html", "mlops"
    )
    assert said.splitlines() == [
        "   alpha  label  cv_mse",
        "*    0.1    a b    1.00",
        "       1    a b  failed",
        "",
        "Best:       alpha=0.1, label=a b with cv_mse 1.00",
        "Failed:     1 of 2 combinations; their errors are in the report",
        "Next:       mlops run retrain --only evaluate --from 1-sweep",
        "Or run all: mlops run all -p train.alpha=0.1 -p train.label='a b'",
        "Report:     sweep.html",
    ]
    many = summarize_sweep(*make({"seed": tuple(range(25))}), "1-sweep", "sweep.html", "mlops")
    assert "   ... and 15 more in the report" in many


def test_equally_good_points_stand_as_in_the_grid() -> None:
    sweep = Sweep("train", "02_train", {"seed": (1, 2, 3)}, "r2", maximize=True)
    points = [
        Point(number, {"seed": number}, "done", 1.0, "", score) for number, score in ((1, 0.5), (2, 0.7), (3, 0.7))
    ]
    assert [point.number for point in rank_points(sweep, points)] == [2, 3, 1]
