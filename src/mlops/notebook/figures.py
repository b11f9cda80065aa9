"""The figures of the notebooks, shown with alt text."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from IPython.display import display
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mlops.data.drift import Drift, choose_columns, describe_choice, select_strongest
from mlops.numbers import format_number

DPI = 100
UNMOVED = "No column differs from the reference."
BLUE, ORANGE, GREY = "#2a6fbb", "#c45a11", "#6e7781"


def show_figure(figure: Figure, alt: str) -> None:
    """Show a figure as the output of the notebook cell that runs.

    Parameters
    ----------
    figure : Figure
        The figure.
    alt : str
        A text for readers who cannot see the picture.
    """
    show_picture(draw_figure(figure), alt)


def draw_figure(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG."""
    content = BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    return content.getvalue()


def show_picture(picture: bytes, alt: str) -> None:
    """Show a PNG as the output of the notebook cell that runs. `alt` is a text for readers who cannot see it."""
    display({"image/png": picture, "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}})


def save_picture(picture: bytes, path: Path) -> None:
    """Save a PNG as the file `path`, and create its folder if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture)


def plot_drift(drifts: Sequence[Drift]) -> Figure:
    """Return a figure of each column's difference from the reference, as a multiple of the largest allowed difference.

    If there are too many columns for a figure, it shows only those that differ most.
    """
    every = select_strongest(drifts)
    shown = choose_columns(every, drifts)
    strengths = [every[name].strength for name in shown]
    figure = Figure(figsize=(8, 0.32 * len(shown) + 1.2), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(shown))[::-1]
    axes.barh(places, strengths, color=BLUE, label="seen")
    axes.axvline(1, color=ORANGE, lw=2, label="largest allowed")
    axes.set_yticks(places, [f"{name}: {every[name].test}" if every[name].strength else name for name in shown])
    axes.set_xlabel("difference from the reference, as a multiple of the largest allowed")
    figure.legend(loc="outside upper right", ncols=2)  # inside the axes, it would hide bars
    if chosen := describe_choice(shown, every):
        figure.suptitle(chosen, x=0.01, ha="left", fontsize="medium")
    if not any(strengths):
        axes.text(0.5, 0.5, UNMOVED, transform=axes.transAxes, ha="center")
    return figure


def describe_drift(drifts: Sequence[Drift]) -> str:
    """Return the alt text of the figure that `plot_drift` draws."""
    every = select_strongest(drifts)
    largest = max(every.values(), key=lambda drift: drift.strength, default=None)
    if largest is None or not largest.strength:
        return UNMOVED
    chosen = describe_choice(choose_columns(every, drifts), every)
    return (
        f"{chosen or 'Difference of each column from the reference'}; the largest is the {largest.test} of "
        f"{largest.column}, {format_number(largest.strength)} times the largest allowed."
    )


def plot_predictions(actual: ArrayLike, predicted: ArrayLike, unit: str) -> Figure:
    """Return a figure: predictions against actual values, and the distribution of the errors. Its axes show `unit`."""
    truth, guess = np.asarray(actual, dtype=float), np.asarray(predicted, dtype=float)
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.scatter(truth, guess, s=16, color=BLUE, alpha=0.7)
    ends = [min(truth.min(), guess.min()), max(truth.max(), guess.max())]
    left.plot(ends, ends, color=GREY, lw=1)
    left.set(xlabel=f"actual ({unit})", ylabel=f"predicted ({unit})")
    right.hist(guess - truth, bins=20, color=BLUE)
    right.axvline(0, color=GREY, lw=1)
    right.set(xlabel=f"error: predicted minus actual ({unit})", ylabel="rows")
    return figure
