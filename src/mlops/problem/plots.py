"""The plots that a problem can declare by name. `mlops.notebook.stock_plots` draws them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mlops.errors import ProblemError

if TYPE_CHECKING:
    # Takes matplotlib's Axes, whose type is not imported here, and two arrays. See `Problem.plots`.
    OwnPlot = Callable[..., str]

# FITTING has the plots, each with the kinds of targets that the plot fits.
CLASSES = ("boolean", "category")
IMPORTANCES = "importances"
FITTING = {
    "predictions": ("number",),
    "residuals": ("number",),
    "roc": CLASSES,
    "calibration": CLASSES,
    "confusion": CLASSES,
    IMPORTANCES: ("number", *CLASSES),
}
DEFAULTS = {"number": "predictions", "boolean": "roc", "category": "confusion"}


def name_plot(plot: "str | OwnPlot") -> str:
    """Return the name of a plot, which is also its file name."""
    return plot if isinstance(plot, str) else str(getattr(plot, "__name__", plot))


def check_plots(problem: str, plots: "Sequence[str | OwnPlot]", kind: str) -> None:
    """Check the plots that a problem declares.

    Parameters
    ----------
    problem : str
        The name of the problem, for error messages.
    plots : sequence of str or callable
        The plots.
    kind : str
        The kind of the problem's target.

    Raises
    ------
    ProblemError
        If a plot is unknown, if it does not fit the target, or if it is declared twice.
    """
    names = [name_plot(plot) for plot in plots]
    for name, plot in zip(names, plots, strict=True):
        if isinstance(plot, str):
            fitting = ", ".join(known for known, kinds in FITTING.items() if kind in kinds)
            if name not in FITTING:
                raise ProblemError(
                    f"{problem} declares the plot {name!r}, but there is no such plot. The plots that fit its target "
                    f"are: {fitting}. You can also declare a function."
                )
            if kind not in FITTING[name]:
                raise ProblemError(
                    f"{problem} declares the plot {name!r}, which does not fit its target, a {kind}. The plots that "
                    f"fit are: {fitting}."
                )
        elif not callable(plot) or not name.isidentifier() or name in FITTING:
            raise ProblemError(
                f"{problem} declares the plot {name}, which cannot be used. Declare the name of a plot, such as "
                f"{next(iter(FITTING))!r}, or a function with a name of its own."
            )
        if names.count(name) > 1:
            raise ProblemError(f"{problem} declares the plot {name!r} more than once. Remove one of them.")
