"""The figures that compare two models, by their losses or by a metric of resampled rows."""

import numpy as np
import pytest
from matplotlib.axes import Axes

from mlops.model.comparison import Comparison, LossComparison, MetricComparison
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
    axes = draw(LossComparison(SQUARES, losses, np.zeros(200_000)))
    assert (len(axes.patches), len(axes.collections)) == (0, 2)
    lower, upper = (area.get_datalim(axes.transData).intervaly for area in reversed(axes.collections))
    assert (lower[0], upper[1]) == (-1, 2)


def test_losses_are_compared_row_by_row() -> None:
    compared = LossComparison(SQUARES, np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 2.0]))
    assert [bar.get_height() for bar in draw(compared).patches] == [-1.0, 0.0, 2.0]
    said = "Each row's improvement of the loss, sorted: the challenger is better on 1 and worse on 1 of 3 rows."
    assert describe_gains(compared) == said
    first = LossComparison(SQUARES, None, np.array([1.0, 2.0]))
    assert draw(first).get_ylabel() == "loss of the challenger"
    assert describe_gains(first) == "The challenger's loss on each of 2 unseen rows, sorted."


def test_another_metric_is_compared_on_resampled_sets() -> None:
    axes = draw(MetricComparison(ROOT, POOR, GOOD, actual=ACTUAL))
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "improvement of the root mean squared error (points)",
        "resampled sets of rows",
    )
    assert sum(bar.get_height() for bar in axes.patches) == 5000
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["all rows: 0.151", "98.09% lower bound: 0.0959"]
    assert describe_gains(MetricComparison(ROOT, POOR, GOOD, actual=ACTUAL)) == (
        "A histogram of the improvement of the root mean squared error over 5,000 resampled sets of the 200 rows. On "
        "all rows, the value is 0.151 points, with a 98.09% lower bound of 0.0959."
    )


def test_without_a_champion_the_metric_itself_is_shown() -> None:
    compared = MetricComparison(AUC, None, POOR, actual=ACTUAL)
    assert draw(compared).get_xlabel() == "area under the ROC curve of the challenger"
    assert describe_gains(compared).startswith(
        "A histogram of the area under the ROC curve of the challenger over 5,000"
    )


def test_a_bar_is_below_or_above_zero() -> None:
    axes = draw(MetricComparison(AUC, GOOD, GOOD + RNG.normal(0, 0.05, 200), actual=ACTUAL))
    edges = [bar.get_x() for bar in axes.patches]  # type: ignore[attr-defined]
    assert min(edges) < 0 < max(edges)
    assert min(np.abs(edges)) == 0.0


@pytest.mark.parametrize(
    ("compared", "said"),
    [
        (LossComparison(SQUARES, POOR, POOR), "The two models are equal: no row differs."),
        (MetricComparison(AUC, POOR, POOR, actual=ACTUAL), "The two models are equal: no row differs."),
        (
            MetricComparison(AUC, POOR, GOOD, actual=np.ones(200)),
            "The area under the ROC curve is undefined for the 200 rows unseen by both models.",
        ),
        (
            MetricComparison(AUC, None, np.empty(0), actual=np.empty(0)),
            "The area under the ROC curve is undefined for the 0 rows unseen by both models.",
        ),
    ],
)
def test_a_figure_without_bars_says_why(compared: Comparison, said: str) -> None:
    assert [text.get_text() for text in draw(compared).texts] == [said]
    assert describe_gains(compared) == said


@pytest.mark.parametrize(
    ("compared", "value"),
    [
        (MetricComparison(AUC, POOR, 2 * POOR, actual=ACTUAL), "0"),
        (MetricComparison(AUC, 1 - ACTUAL, ACTUAL, actual=ACTUAL), "1.00"),
    ],
)
def test_a_constant_improvement_is_said(compared: Comparison, value: str) -> None:
    said = f"The improvement of the area under the ROC curve is {value} on all 5,000 resampled sets of the rows."
    assert [text.get_text() for text in draw(compared).texts] == [said]
    assert describe_gains(compared) == said
