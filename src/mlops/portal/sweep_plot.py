"""The plot of a sweep: the metric over the parameters that vary."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mlops.numbers import format_number
from mlops.sweeps.results import Point, Sweep, describe_values, find_best, format_value

BLUE, ORANGE, GREY = "#2a6fbb", "#c45a11", "#6e7781"  # the colors of the figures in the notebooks
WIDE = 100.0  # a scale is logarithmic if the largest value is at least this many times the smallest
MOST_LABELS = 60  # a heat map with more cells shows no numbers
MOST_TICKS = 12


def plot_sweep(sweep: Sweep, points: Sequence[Point]) -> Figure | None:
    """Return a plot of the results of a sweep, or None if there is nothing to compare."""
    done = [point for point in points if point.score is not None]
    varying = {name: values for name, values in sweep.axes.items() if len(values) > 1}
    if len(done) < 2 or not varying:
        return None
    if len(varying) == 2:
        return _plot_heat_map(sweep, varying, done)
    columns = min(3, len(varying))
    rows = math.ceil(len(varying) / columns)
    size = (8, 3.6) if len(varying) == 1 else (3.6 * columns, 3.0 * rows)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).flat
    for axes, (name, values) in zip(panels, varying.items(), strict=False):
        _plot_parameter(axes, sweep, name, values, done)
    for axes in list(figure.axes)[len(varying) :]:
        axes.remove()
    return figure


def describe_plot(sweep: Sweep, points: Sequence[Point]) -> str:
    """Return the alt text of the plot, for readers who cannot see it."""
    varying = [name for name, values in sweep.axes.items() if len(values) > 1]
    scores = [point.score for point in points if point.score is not None]
    best = find_best(sweep, points)
    assert best is not None
    span = f"from {format_number(min(scores))} to {format_number(max(scores))}"
    over = f"{sweep.metric} over {' and '.join(varying)}"
    return f"{over}, {len(scores)} combinations: {span}; best at {describe_values(best.values)}."


def encode_figure(figure: Figure) -> str:
    """Return a figure as a ``data:`` URL, so that the picture is part of the page."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _plot_parameter(axes: Axes, sweep: Sweep, name: str, values: Sequence[Any], done: Sequence[Point]) -> None:
    places = _place_values(values)
    alone = len(done) <= len(values)
    if not alone:
        found = [_find(point, name, values, places) for point in done]
        axes.plot(found, [_score(point) for point in done], ".", color=GREY, alpha=0.5, ms=5)
    best_at = {_find(point, name, values, places): _score(point) for point in reversed(_sort_best(sweep, done))}
    line = sorted(best_at.items())
    axes.plot(*zip(*line, strict=True), "o-" if _is_numeric(values) else "o", color=BLUE, ms=5, lw=1.2)
    best = find_best(sweep, done)
    assert best is not None
    axes.plot(_find(best, name, values, places), _score(best), "o", color=ORANGE, ms=10, label="best")
    axes.set_xlabel(name)
    place = axes.get_subplotspec()
    if place is None or place.is_first_col():
        axes.set_ylabel(sweep.metric if alone else f"{sweep.metric} (line: best at each value)")
    _scale_x(axes, values)
    _scale_y(axes, [_score(point) for point in done])
    if alone:
        axes.legend(loc="best")


def _plot_heat_map(sweep: Sweep, varying: Mapping[str, Sequence[Any]], done: Sequence[Point]) -> Figure:
    (down, rows), (across, columns) = sorted(varying.items(), key=lambda item: len(item[1]))
    rows, columns = _sort_values(rows), _sort_values(columns)
    scores = np.full((len(rows), len(columns)), math.nan)
    for point in reversed(_sort_best(sweep, done)):
        scores[rows.index(point.values[down]), columns.index(point.values[across])] = point.score
    size = (max(5.0, min(11.0, 1.8 + 0.75 * len(columns))), max(2.4, min(9.0, 1.4 + 0.45 * len(rows))))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    goodness = _rank(scores, sweep.maximize)
    axes.imshow(goodness, cmap="Blues", aspect="auto", vmin=-0.15, vmax=1.1)
    axes.set_facecolor("#eeeeee")
    for line, column in np.ndindex(scores.shape) if scores.size <= MOST_LABELS else ():
        score = float(scores[line, column])
        text, dark = "failed" if math.isnan(score) else format_number(score), goodness[line, column] > 0.6
        axes.text(column, line, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    best = find_best(sweep, done)
    assert best is not None
    corner = columns.index(best.values[across]) - 0.5, rows.index(best.values[down]) - 0.5
    axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=ORANGE, linewidth=3, zorder=3, clip_on=False))
    _label_values(axes.set_xticks, columns)
    _label_values(axes.set_yticks, rows)
    axes.set(xlabel=across, ylabel=down, title=f"{sweep.metric} (darker is better, the best is framed)")
    axes.title.set_fontsize(10)
    return figure


def _rank(scores: "np.ndarray[Any, Any]", maximize: bool) -> "np.ndarray[Any, Any]":
    # Colors show ranks instead of values, because an outlier would make all other values look the same.
    flat = scores[~np.isnan(scores)]
    order = np.unique(flat)
    ranks = np.searchsorted(order, scores) / max(1, len(order) - 1)
    return np.where(np.isnan(scores), np.nan, ranks if maximize else 1 - ranks)


def _sort_best(sweep: Sweep, done: Sequence[Point]) -> list[Point]:
    return sorted(done, key=lambda point: _score(point) * (-1 if sweep.maximize else 1))


def _score(point: Point) -> float:
    assert point.score is not None, "all plotted points have a score"
    return point.score


def _is_numeric(values: Sequence[Any]) -> bool:
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)


def _sort_values(values: Sequence[Any]) -> list[Any]:
    return sorted(values) if _is_numeric(values) else list(values)


def _place_values(values: Sequence[Any]) -> list[float]:
    return [float(value) for value in values] if _is_numeric(values) else [float(place) for place in range(len(values))]


def _find(point: Point, name: str, values: Sequence[Any], places: Sequence[float]) -> float:
    return places[list(values).index(point.values[name])]


def _scale_x(axes: Axes, values: Sequence[Any]) -> None:
    if not _is_numeric(values):
        _label_values(axes.set_xticks, values)
        axes.margins(x=0.2)
        return
    positive = [value for value in values if value > 0]
    if min(values) < 0 or len(positive) < 2 or max(positive) / min(positive) < WIDE:
        if len(values) <= MOST_TICKS / 2:
            axes.set_xticks(sorted(values), [format_value(value) for value in sorted(values)])
        return
    if min(values) == 0:
        axes.set_xscale("symlog", linthresh=min(positive))
    else:
        axes.set_xscale("log")


def _scale_y(axes: Axes, scores: Sequence[float]) -> None:
    if min(scores) > 0 and max(scores) / min(scores) >= WIDE:
        axes.set_yscale("log")


def _label_values(set_ticks: Any, values: Sequence[Any]) -> None:
    step = math.ceil(len(values) / MOST_TICKS)
    shown = range(0, len(values), step)
    names = [format_value(values[place]) for place in shown]
    set_ticks(list(shown), [name if len(name) <= 14 else name[:13] + "…" for name in names])
