"""The figures that compare a new model (the challenger) with the current one (the champion), and their alt texts."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlops.data.equality import are_equal
from mlops.model.comparison import Comparison, LossComparison, MetricComparison
from mlops.numbers import format_number

EQUAL = "The two models are equal: no row differs."
MOST_BARS = 2000  # more bars than the figure is pixels wide
BINS = 40
BLUE, ORANGE, GREY = "#2a6fbb", "#c45a11", "#6e7781"  # the colors of the figures in the notebooks


def plot_gains(compared: Comparison) -> Figure:
    """Plot by how much the challenger is better, and how much this varies."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots()
    if isinstance(compared, LossComparison):
        _plot_losses(axes, compared)
    elif isinstance(compared, MetricComparison):
        _plot_metric(axes, compared)
    return figure


def describe_gains(compared: Comparison) -> str:
    """Return the alt text of the figure that `plot_gains` draws."""
    if compared.equality:
        return EQUAL
    if isinstance(compared, MetricComparison):
        return compared.shortage or _describe_if_constant(compared) or _describe_metric(compared)
    if compared.champion is None:
        return f"The challenger's loss on each of {compared.rows} unseen rows, sorted."
    gains = compared.champion - compared.challenger
    counts = f"better on {np.sum(gains > 0)} and worse on {np.sum(gains < 0)} of {gains.size} rows"
    return f"Each row's improvement of the loss, sorted: the challenger is {counts}."


def _plot_losses(axes: Axes, compared: LossComparison) -> None:
    values = np.zeros(compared.rows) if compared.equality else np.sort(compared.gains)
    if len(values) > MOST_BARS:  # 20,000 bars take 17 s, an area of 200,000 rows takes 0.2 s
        places = np.linspace(0, len(values) - 1, MOST_BARS).astype(int)
        for color, part in ((BLUE, values.clip(min=0)), (ORANGE, values.clip(max=0))):
            axes.fill_between(places, part[places], step="mid", color=color, lw=0)
    else:
        axes.bar(np.arange(len(values)), values, width=1.0, color=np.where(values >= 0, BLUE, ORANGE))
    mean = float(values.mean()) if values.size else 0.0
    axes.axhline(mean, color=GREY, lw=1, ls="--", label=f"mean {format_number(mean)}")
    if compared.equality:
        _write_text(axes, EQUAL)
    first = compared.champion is None
    axes.set(
        xlabel="unseen rows, sorted by loss" if first else "rows unseen by both models, sorted by improvement",
        ylabel="loss of the challenger" if first else "improvement of the loss",
    )
    axes.legend()


def _plot_metric(axes: Axes, compared: MetricComparison) -> None:
    axes.set(xlabel=_name_value(compared), ylabel="resampled sets of rows")
    if reason := EQUAL if compared.equality else compared.shortage or _describe_if_constant(compared):
        _write_text(axes, reason)
        axes.set(xticks=[], yticks=[])
        return
    _draw_histogram(axes, compared.differences, signed=compared.champion is not None)
    axes.axvline(compared.improvement, color="black", lw=1, label=f"all rows: {format_number(compared.improvement)}")
    if compared.champion is not None:
        axes.axvline(0, color=GREY, lw=1)
        label = f"{100 * compared.spent:.4g}% lower bound: {format_number(compared.lower_bound)}"
        axes.axvline(compared.lower_bound, color="black", lw=1, ls="--", label=label)
    axes.legend()


def _draw_histogram(axes: Axes, values: NDArray[np.float64], signed: bool) -> None:
    width = np.ptp(values) / BINS
    edges = width * np.arange(np.floor(values.min() / width), np.ceil(values.max() / width) + 1)  # 0 is one of them
    counts, edges = np.histogram(values, edges)
    colors = np.where(edges[:-1] >= 0, BLUE, ORANGE) if signed else BLUE
    axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=colors)


def _describe_if_constant(compared: MetricComparison) -> str:
    values = compared.differences
    if not are_equal(values, np.full(len(values), values.mean())):
        return ""
    value = f"{format_number(float(values[0]))} {compared.metric.unit}".strip()
    return f"The {_name_value(compared, unit=False)} is {value} on all {len(values):,} resampled sets of the rows."


def _describe_metric(compared: MetricComparison) -> str:
    shown = f"{format_number(compared.improvement)} {compared.metric.unit}".strip()
    sets = f"{len(compared.differences):,} resampled sets of the {compared.rows} rows"
    text = f"A histogram of the {_name_value(compared, unit=False)} over {sets}. On all rows, the value is {shown}"
    if compared.champion is None:
        return f"{text}."
    bound = format_number(compared.lower_bound)
    return f"{text}, with a {100 * compared.spent:.4g}% lower bound of {bound}."


def _name_value(compared: Comparison, unit: bool = True) -> str:
    metric = compared.metric
    named = f"{metric.title} of the challenger" if compared.champion is None else f"improvement of the {metric.title}"
    return f"{named} ({metric.unit})" if unit and metric.unit else named


def _write_text(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.6, text, transform=axes.transAxes, ha="center", wrap=True)
