"""The figure of the gains, and its alt text."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlops.model.comparison import Comparison
from mlops.model.gains.sentences import give_confidence, is_constant, name_values
from mlops.numbers import format_number, format_pair

EQUAL = "The two models are equal: no row differs."
POINTS = 1001  # the number of quantiles in the figure, which is 800 pixels wide
EDGE = 0.02  # the share of the values at each end that may be outside the figure
BLUE, ORANGE, GREY = "#2a6fbb", "#c45a11", "#6e7781"  # the colors of the figures in the notebooks


def plot_gains(compared: Comparison) -> Figure:
    """Return a figure that shows the improvement with its interval and, below, the sorted gains.

    The gains are drawn as quantiles, so the figure looks similar for 100 rows and for 100,000 rows.
    """
    figure = Figure(figsize=(8, 4), layout="constrained")
    if absence := _explain_absence(compared):
        figure.set_size_inches(8, 1)
        axes = figure.subplots()
        axes.set_axis_off()  # a frame would cross a long text
        axes.text(0.5, 0.5, absence, transform=axes.transAxes, ha="center", wrap=True)
        return figure
    above, below = figure.subplots(2, 1, height_ratios=(1, 4))
    _plot_interval(above, compared)
    _plot_sorted(below, compared)
    return figure


def describe_gains(compared: Comparison) -> str:
    """Return the alt text of the figure that `plot_gains` draws."""
    if absence := _explain_absence(compared):
        return absence
    values, what = compared.gains, name_values(compared)
    unit = f", in {compared.metric.unit}" if compared.metric.unit else ""
    shown = f"{_title_interval(compared)}{unit}. Below, the values of {values.size:,} {what}, sorted"
    if compared.champion is None:
        return f"{shown}."
    for_new, for_old = _name_sides(compared)
    counts = f"{np.sum(values > 0):,} {for_new}, and {np.sum(values < 0):,} {for_old}"
    least = f"{format_number(compared.smallest_gain)} {compared.metric.unit}".strip()
    return f"{shown}: {counts}. The smallest improvement worth a release is {least}."


def _plot_interval(axes: Axes, compared: Comparison) -> None:
    if not compared.too_skewed:
        ends = compared.lower_bound, compared.upper_bound
        color = ORANGE if ends[1] < 0 else BLUE if ends[0] > 0 else GREY
        axes.plot(ends, (0, 0), color=color, lw=7, solid_capstyle="butt")
    axes.plot(compared.improvement, 0, "o", color="black", ms=5)
    if compared.champion is not None:
        axes.axvline(0, color="black", lw=1, label="no improvement")
        axes.axvline(compared.smallest_gain, color="black", lw=1, ls=":", label="smallest improvement worth a release")
        axes.figure.legend(loc="outside upper left", ncols=2, frameon=False)
    axes.set(yticks=[], ylim=(-1, 1), xlabel=compared.metric.unit)
    axes.set_title(_title_interval(compared), loc="left", fontsize="medium", wrap=True)


def _plot_sorted(axes: Axes, compared: Comparison) -> None:
    values, what = compared.gains, name_values(compared)
    first = compared.champion is None
    shares = np.linspace(0, 1, POINTS)
    quantiles = np.quantile(values, shares, method="inverted_cdf")
    for color, part in ((BLUE, quantiles.clip(min=0)), (ORANGE, quantiles.clip(max=0))):
        axes.fill_between(100 * shares, part, step="mid", color=color, lw=0)
    axes.axhline(0, color="black", lw=1)
    low, high = _find_limits(values)
    margin = 0.05 * (high - low)
    axes.set(xlim=(0, 100), ylim=(low - margin, high + margin) if margin else (-1, 1))
    outside = int(np.sum((values < low) | (values > high)))
    note = f"; {outside:,} of {values.size:,} extend{'s' * (outside == 1)} beyond the edge" if outside else ""
    axes.set(xlabel=f"share of the {what}, sorted (%){note}", ylabel="value" if first else "improvement")
    if not first:
        against, favorable = (f"{format_number(100 * float(np.mean(part)))}%" for part in (values < 0, values > 0))
        for_new, for_old = _name_sides(compared)
        axes.set_title(f"{against} {for_old}", loc="left", color=ORANGE, fontsize="medium")
        axes.set_title(f"{favorable} {for_new}", loc="right", color=BLUE, fontsize="medium")


def _name_sides(compared: Comparison) -> tuple[str, str]:
    """Return a phrase for gains above zero and one for gains below zero, such as "favor the champion"."""
    if compared.actual is None:
        return "favor the challenger", "favor the champion"
    return "add to the improvement", "reduce the improvement"  # even if both models are equal there


def _find_limits(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return limits for the axis of the values: they include 0 and the middle 96 % of the values, and not much more."""
    inner = np.quantile(values, (EDGE, 1 - EDGE))
    reach = np.ptp(inner) or np.ptp(values)
    low, high = max(values.min(), inner[0] - reach / 4), min(values.max(), inner[1] + reach / 4)
    return min(float(low), 0.0), max(float(high), 0.0)


def _explain_absence(compared: Comparison) -> str:
    """Return the reason why the gains cannot be plotted, or "" if they can."""
    if compared.equality:
        return EQUAL
    return compared.shortage or ("There are too few rows to plot." if compared.rows < 2 else "")


def _title_interval(compared: Comparison) -> str:
    title, value = compared.metric.title, format_number(compared.improvement)
    named = f"{title} of the challenger" if compared.champion is None else f"improvement of the {title}"
    named = f"{named[0].upper()}{named[1:]}: {value}"
    if compared.too_skewed:
        return f"{named} (a few rows are too extreme for an interval)"
    if is_constant(compared):
        return f"{named} (the same for all {name_values(compared)})"
    low, high = format_pair(compared.lower_bound, compared.upper_bound)
    return f"{named} ({give_confidence(compared)} interval: {low} to {high})"
