"""The figure that compares two models, by the gains of rows or of groups of rows."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes

from mlops.model.comparison import Comparison
from mlops.model.gains import describe_gains, plot_gains
from mlops.problem import metrics

SQUARES = metrics.mean_squared_error("mse")
ACTUAL = np.arange(200) % 2 * 1.0
RNG = np.random.default_rng(0)
POOR, GOOD = (0.5 + share * (ACTUAL - 0.5) + RNG.normal(0, 0.3, 200) for share in (0.2, 0.8))
ROOT = metrics.root_mean_squared_error("rmse", unit="points")
AUC = metrics.roc_auc_score("auc")


def draw(compared: Comparison) -> Axes:
    """Return the axes of the figure."""
    (axes,) = plot_gains(compared).axes
    return axes


def test_a_plot_of_many_rows_is_an_area() -> None:
    losses = np.linspace(-1, 2, 200_000)
    axes = draw(Comparison(SQUARES, losses, np.zeros(200_000)))
    assert (len(axes.patches), len(axes.collections)) == (0, 2)
    lower, upper = (area.get_datalim(axes.transData).intervaly for area in reversed(axes.collections))
    assert (lower[0], upper[1]) == (-1, 2)


def test_losses_are_compared_row_by_row() -> None:
    compared = Comparison(SQUARES, np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 2.0]))
    assert [bar.get_height() for bar in draw(compared).patches] == [-1.0, 0.0, 2.0]
    said = "Each row's improvement of the loss, sorted: the challenger is better on 1 and worse on 1 of 3 rows."
    assert describe_gains(compared) == said
    first = Comparison(SQUARES, None, np.array([1.0, 2.0]))
    assert draw(first).get_ylabel() == "loss of the challenger"
    assert describe_gains(first) == "The challenger's loss on each of 2 unseen rows, sorted."


def test_another_metric_is_compared_row_by_row() -> None:
    compared = Comparison(ROOT, POOR, GOOD, actual=ACTUAL)
    axes = draw(compared)
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "rows unseen by both models, sorted by improvement",
        "improvement of the root mean squared error",
    )
    assert len(axes.patches) == 200
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["mean 0.151"]
    better = int(np.sum(compared.gains > 0))
    assert describe_gains(compared) == (
        f"Each row's improvement of the root mean squared error, sorted: the challenger is better on {better} and "
        f"worse on {200 - better} of 200 rows."
    )


def test_groups_of_rows_are_named() -> None:
    slow = replace(ROOT, weighted=None)
    actual, champion, challenger = (np.tile(values, 100) for values in (ACTUAL, POOR, GOOD))
    compared = Comparison(slow, champion, challenger, actual=actual)
    assert draw(compared).get_xlabel() == "groups of rows unseen by both models, sorted by improvement"
    assert describe_gains(compared).endswith("the challenger is better on 29 and worse on 0 of 29 groups of rows.")


def test_without_a_champion_the_metric_itself_is_shown() -> None:
    compared = Comparison(AUC, None, POOR, actual=ACTUAL)
    assert draw(compared).get_ylabel() == "area under the ROC curve of the challenger"
    assert describe_gains(compared) == ("The challenger's area under the ROC curve on each of 200 unseen rows, sorted.")


@pytest.mark.parametrize(
    ("compared", "said"),
    [
        (Comparison(SQUARES, POOR, POOR), "The two models are equal: no row differs."),
        (Comparison(AUC, POOR, POOR, actual=ACTUAL), "The two models are equal: no row differs."),
        (
            Comparison(AUC, POOR, GOOD, actual=np.ones(200)),
            "The area under the ROC curve is undefined for the 200 rows unseen by both models.",
        ),
        (
            Comparison(AUC, None, np.empty(0), actual=np.empty(0)),
            "The area under the ROC curve is undefined for the 0 rows unseen by both models.",
        ),
    ],
)
def test_a_figure_without_bars_says_why(compared: Comparison, said: str) -> None:
    assert [text.get_text() for text in draw(compared).texts] == [said]
    assert describe_gains(compared) == said
