"""Functions that draw, show and save the plots that a problem declares, with alt texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from mlops.errors import ProblemError, quote_cause
from mlops.notebook.figures import draw_figure, save_picture, show_picture
from mlops.notebook.stock_plots import STOCK, Predicted, start_figure
from mlops.problem import Problem, scoring
from mlops.problem.plots import DEFAULTS, IMPORTANCES, name_plot

if TYPE_CHECKING:
    from typing import Any

    from mlops.problem.plots import OwnPlot


@dataclass(frozen=True)
class Picture:
    """A drawn plot.

    Parameters
    ----------
    name : str
        The name of the plot, such as "roc".
    png : bytes
        The picture.
    alt : str
        A text for readers who cannot see the picture.
    """

    name: str
    png: bytes
    alt: str


def draw_plots(problem: Problem, model: "Any", rows: pd.DataFrame) -> list[Picture]:
    """Draw the plots that a problem declares, and return them.

    Parameters
    ----------
    problem : Problem
        The problem.
    model : scikit-learn estimator
        The model that predicts. If `Problem.explain` returns None for it, the plot of the importances is left out.
    rows : DataFrame
        The rows to predict, with the target.

    Raises
    ------
    ProblemError
        If a function of the problem fails, or if one that draws a plot returns no alt text.
    """
    plots = problem.plots or (DEFAULTS[problem.target.kind],)
    explained = problem.explain(model) if IMPORTANCES in plots else None
    actual = rows[problem.target.name].to_numpy()
    data = Predicted(problem, actual, scoring.predict_rows(problem, model, rows), explained)
    drawn = (_draw_stock(plot, data) if isinstance(plot, str) else _draw_own(plot, data) for plot in plots)
    return [picture for picture in drawn if picture]


def show_pictures(pictures: Sequence[Picture]) -> None:
    """Show pictures as outputs of the notebook cell that runs."""
    for picture in pictures:
        show_picture(picture.png, picture.alt)


def save_pictures(pictures: Sequence[Picture], folder: Path) -> None:
    """Save pictures in a folder, as ``roc.png`` for example."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        save_picture(picture.png, folder / f"{picture.name}.png")


def _draw_stock(name: str, data: Predicted) -> Picture | None:
    if name == IMPORTANCES and data.explained is None:  # the notebook has said so beside its table of importances
        return None
    figure, alt = STOCK[name](data)
    return Picture(name, draw_figure(figure), alt)


def _draw_own(plot: "OwnPlot", data: Predicted) -> Picture:
    name = name_plot(plot)
    figure, axes = start_figure()
    try:
        alt = plot(axes, data.actual, data.predicted)
    except Exception as error:  # the function is part of the problem, and can raise any error
        cause = f"{type(error).__name__}: {quote_cause(error)}"
        raise ProblemError(f"{data.problem}: the plot {name} failed. {cause}.") from error
    if not isinstance(alt, str) or not alt:
        raise ProblemError(
            f"{data.problem}: the plot {name} returned {alt!r}. Return a sentence for readers who cannot see the plot."
        )
    return Picture(name, draw_figure(figure), alt)
