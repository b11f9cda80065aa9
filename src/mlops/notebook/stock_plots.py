"""The plots that problems declare by name. Each `draw` function returns a figure and its alt text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlops.notebook.excerpts import choose_largest
from mlops.notebook.figures import BLUE, GREY, ORANGE, plot_predictions
from mlops.numbers import format_number
from mlops.problem import Problem
from mlops.problem.coding import find_classes

GROUPS = 10  # points of a calibration curve
SMALL_PART = 0.5  # a calibration curve that spans less than this part of the axes is magnified
MOST_CURVES = 10  # as many as matplotlib has colors
MOST_CELLS = 15  # rows of a confusion matrix that still have legible numbers
ONE_CLASS = "All rows have the same class, so there is no ROC curve."
Drawn = tuple[Figure, str]


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predictions for rows whose target is known.

    Parameters
    ----------
    problem : Problem
        The problem.
    actual : array of shape (n,)
        Values of the target.
    predicted : array of shape (n,) or (n, classes)
        The predictions: numbers or, for classes, probabilities.
    explained : Series, optional
        The importance of each feature.
    """

    problem: Problem
    actual: NDArray[Any]
    predicted: NDArray[Any]
    explained: pd.Series | None = None

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.actual)

    @cached_property
    def pair(self) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
        """The actual values and the predictions, both encoded as numbers."""
        return self.problem.encode(self.actual), self.problem.encode(self.predicted).astype(float)

    @cached_property
    def one_against_rest(self) -> dict[str, tuple[NDArray[np.bool_], NDArray[np.float64]]]:
        """For each class: an array that marks the rows of this class, and an array of its predicted probabilities."""
        actual, predicted = self.pair
        if predicted.ndim == 1:
            return {self.problem.target.title: (actual.astype(bool), predicted)}
        classes = enumerate(map(str, self.problem.classes))
        return {name: (actual == place, predicted[:, place]) for place, name in classes}

    @property
    def positive(self) -> str:
        """The title of the target or, if it is a category, "each TITLE", because the figure covers all classes."""
        title = self.problem.target.title
        return title if self.problem.target.kind == "boolean" else f"each {title}"

    @property
    def measure(self) -> str:
        """The title of the target and its unit. The unit is left out if it is empty or contains the title."""
        title, unit = self.problem.target.title, self.problem.target.unit
        return title if title in unit or not unit else f"{title}, {unit}"


def start_figure(width: float = 6, height: float = 4) -> tuple[Figure, Axes]:
    """Return an empty figure of the given size, in inches, and its axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def draw_predictions(data: Predicted) -> Drawn:
    """Draw predictions against actual values, and the distribution of the errors."""
    figure = plot_predictions(*data.pair, data.measure)
    scores = data.problem.score(data.actual, data.predicted)
    title = data.problem.target.title
    return figure, f"Predicted against actual {title} of {data.rows:,} rows; {data.problem.summarize(scores)}."


def draw_residuals(data: Predicted) -> Drawn:
    """Draw errors against predictions."""
    actual, predicted = data.pair
    errors = predicted - actual.astype(float)
    figure, axes = start_figure()
    axes.scatter(predicted, errors, s=16, color=BLUE, alpha=0.7)
    axes.axhline(0, color=GREY, lw=1)
    axes.set(xlabel=f"predicted ({data.measure})", ylabel=f"error ({data.measure})")
    mean, deviation = (format_number(float(value)) for value in (errors.mean(), errors.std()))
    numbers = f"their mean is {mean} and their standard deviation {deviation} {data.problem.target.unit}".rstrip()
    return figure, f"Errors against predicted {data.problem.target.title} of {data.rows:,} rows; {numbers}."


def draw_roc(data: Predicted) -> Drawn:
    """Draw the ROC curve of each class: the true positive rate against the false positive rate."""
    from sklearn.metrics import auc, roc_curve

    figure, axes = start_figure()
    axes.plot([0, 1], [0, 1], color=GREY, lw=1)
    axes.set(title=data.positive, xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
    both = {name: pair for name, pair in data.one_against_rest.items() if 0 < pair[0].sum() < data.rows}
    if not both:
        axes.text(0.5, 0.55, ONE_CLASS, transform=axes.transAxes, ha="center", wrap=True)
        return figure, ONE_CLASS
    curves = {name: roc_curve(*pair)[:2] for name, pair in both.items()}
    areas = {name: float(auc(*curve)) for name, curve in curves.items()}
    shown = sorted(areas, key=areas.__getitem__)[:MOST_CURVES]
    for place, name in enumerate(shown):
        axes.plot(
            *curves[name],
            color=BLUE if len(shown) == 1 else f"C{place}",
            label=f"{name}: area {format_number(areas[name])}",
        )
    chosen = f"the {len(shown)} of {len(areas)} classes with the smallest area" if len(shown) < len(areas) else None
    axes.legend(loc="lower right", title=chosen)
    least = format_number(areas[shown[0]])
    if len(areas) == 1:
        return figure, f"ROC curve of {shown[0]} for {data.rows:,} rows; the area under it is {least}."
    mean = format_number(float(np.mean([*areas.values()])))
    return figure, (
        f"ROC curves of {len(areas)} classes, each against the rest, for {data.rows:,} rows; the mean area under them "
        f"is {mean}, and the smallest is {least} ({shown[0]})."
    )


def draw_calibration(data: Predicted) -> Drawn:
    """Draw a calibration curve: for each group of rows, the share of positive rows against the mean probability.

    The rows of a group have similar predicted probabilities. All groups have about the same size.
    """
    pairs = data.one_against_rest.values()
    actual, predicted = (np.concatenate(values) for values in zip(*pairs, strict=True))
    order = np.argsort(predicted, kind="stable")
    groups = [group for group in np.array_split(order, GROUPS) if group.size]
    means = np.array([predicted[group].mean() for group in groups])
    shares = np.array([actual[group].mean() for group in groups])
    sizes = np.array([group.size for group in groups])
    figure, axes = start_figure()
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, label="perfect calibration")
    axes.plot(means, shares, "o-", color=BLUE, label=f"{len(groups)} groups by probability")
    low, high = min(means.min(), shares.min()), max(means.max(), shares.max())
    if high - low < SMALL_PART:  # on axes from 0 to 1, the points of a rare class would overlap
        axes.set(xlim=(ends := (low - 0.1 * (high - low) - 0.001, high + 0.1 * (high - low) + 0.001)), ylim=ends)
    axes.set(title=data.positive, xlabel="mean predicted probability", ylabel="share of the rows", aspect="equal")
    figure.legend(loc="outside lower center", ncols=2)
    gap = float(np.average(np.abs(means - shares), weights=sizes))
    return figure, (
        f"Share of {data.positive} against its predicted probability in {len(groups)} groups with {data.rows:,} rows "
        f"in total; on average, the two differ by {format_number(gap)}."
    )


def draw_confusion(data: Predicted) -> Drawn:
    """Draw a confusion matrix: the number of rows for each true class and each predicted (most probable) class."""
    names = [str(name).lower() if isinstance(name, bool) else str(name) for name in data.problem.classes]
    actual, predicted = find_classes(*data.pair)
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (actual, predicted), 1)
    side = min(max(4.0, 1.5 + 0.6 * len(names)), 12.0)
    figure, axes = start_figure(side + 1, side)
    shown = axes.imshow(counts, cmap="Blues", vmin=0)
    if len(names) > MOST_CELLS:
        figure.colorbar(shown, ax=axes, label="rows")
    else:
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if count > counts.max() / 2 else "black"
            axes.text(column, row, f"{count:,}", ha="center", va="center", color=color)
    title = data.problem.target.title
    axes.set(title=f"{title} (rows)", xlabel="predicted", ylabel="actual")
    axes.set_xticks(range(len(names)), names, rotation=45 if len(names) > 2 else 0)
    axes.set_yticks(range(len(names)), names)
    right = int(np.trace(counts))
    share = 100 * right / max(data.rows, 1)
    return figure, f"Confusion matrix of {title}: {right:,} of {data.rows:,} rows have the right class, {share:.0f}%."


def draw_importances(data: Predicted) -> Drawn:
    """Draw the importances of the features, the largest first."""
    explained = pd.Series(dtype=float) if data.explained is None else data.explained
    chosen = choose_largest(explained)
    values = chosen.values
    values = values[values.abs().sort_values(kind="stable").index]
    figure, axes = start_figure(7, 1.2 + 0.28 * len(values))
    axes.barh(np.arange(len(values)), values, color=np.where(values < 0, ORANGE, BLUE))
    axes.axvline(0, color=GREY, lw=1)
    axes.set_yticks(np.arange(len(values)), [str(name) for name in values.index])
    axes.set_xlabel(chosen.name)
    if chosen.caption:
        figure.suptitle(chosen.caption, x=0.01, ha="left", fontsize="medium")
    largest = f"the largest is {values.index[-1]} with {format_number(float(values.iloc[-1]))}"
    return figure, f"{chosen.caption or f'The {chosen.name} of each feature'}; {largest}."


STOCK: Mapping[str, Callable[[Predicted], Drawn]] = {
    "predictions": draw_predictions,
    "residuals": draw_residuals,
    "roc": draw_roc,
    "calibration": draw_calibration,
    "confusion": draw_confusion,
    "importances": draw_importances,
}
