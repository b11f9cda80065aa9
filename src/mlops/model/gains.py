"""The figure that compares a new model (the challenger) with the current one (the champion), and its alt text."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlops.model.comparison import Comparison
from mlops.numbers import format_number

EQUAL = "The two models are equal: no row differs."
MOST_BARS = 2000  # more bars than the figure is pixels wide
BLUE, ORANGE, GREY = "#2a6fbb", "#c45a11", "#6e7781"  # the colors of the figures in the notebooks


def plot_gains(compared: Comparison) -> Figure:
    """Plot by how much the challenger is better, and how much this varies."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots()
    if reason := EQUAL if compared.equality else compared.shortage:
        axes.text(0.5, 0.6, reason, transform=axes.transAxes, ha="center", wrap=True)
        axes.set(xticks=[], yticks=[])
        return figure
    _plot_values(axes, compared)
    what, name = _name_values(compared), _name_metric(compared)
    if compared.champion is None:
        axes.set(xlabel=f"unseen {what}, sorted by {name}", ylabel=f"{name} of the challenger")
    else:
        axes.set(xlabel=f"{what} unseen by both models, sorted by improvement", ylabel=f"improvement of the {name}")
    return figure


def describe_gains(compared: Comparison) -> str:
    """Return the alt text of the figure that `plot_gains` draws."""
    if reason := EQUAL if compared.equality else compared.shortage:
        return reason
    gains, what, name = compared.gains, _name_values(compared), _name_metric(compared)
    if compared.champion is None:
        return f"The challenger's {name} on each of {gains.size:,} unseen {what}, sorted."
    counts = f"better on {np.sum(gains > 0):,} and worse on {np.sum(gains < 0):,} of {gains.size:,} {what}"
    each = "row" if what == "rows" else "group"
    return f"Each {each}'s improvement of the {name}, sorted: the challenger is {counts}."


def _plot_values(axes: Axes, compared: Comparison) -> None:
    values = np.sort(compared.gains)
    if len(values) > MOST_BARS:  # 20,000 bars take 17 s, an area of 200,000 rows takes 0.2 s
        places = np.linspace(0, len(values) - 1, MOST_BARS).astype(int)
        for color, part in ((BLUE, values.clip(min=0)), (ORANGE, values.clip(max=0))):
            axes.fill_between(places, part[places], step="mid", color=color, lw=0)
    else:
        axes.bar(np.arange(len(values)), values, width=1.0, color=np.where(values >= 0, BLUE, ORANGE))
    mean = compared.improvement if values.size else 0.0
    axes.axhline(mean, color=GREY, lw=1, ls="--", label=f"mean {format_number(mean)}")
    axes.legend()


def _name_values(compared: Comparison) -> str:
    return "rows" if len(compared.gains) == compared.rows else "groups of rows"


def _name_metric(compared: Comparison) -> str:
    return "loss" if compared.actual is None else compared.metric.title
