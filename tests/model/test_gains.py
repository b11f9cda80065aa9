"""The report of a comparison: a figure that reads the same for any number of rows, and sentences."""

import re

import numpy as np
import pytest
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mlops.model.comparison import Comparison
from mlops.model.gains import describe_gains, describe_largest, plot_gains, report_gains
from mlops.model.promotion import decide_promotion
from mlops.problem import metrics

SQUARES = metrics.mean_squared_error("mse", unit="points")
ACTUAL = np.arange(200) % 2 * 1.0
RNG = np.random.default_rng(0)
POOR, GOOD = (0.5 + share * (ACTUAL - 0.5) + RNG.normal(0, 0.3, 200) for share in (0.2, 0.8))
AUC = metrics.roc_auc_score("auc")


def compare(gains: NDArray[np.float64], smallest_gain: float = 0.1) -> Comparison:
    """Return a comparison with the given gains."""
    losses = np.full(gains.size, 100.0)
    return Comparison(SQUARES, losses, losses - gains, smallest_gain=smallest_gain)


def draw(compared: Comparison) -> tuple[Axes, Axes]:
    """Return the axes of the interval and of the sorted gains."""
    above, below = plot_gains(compared).axes
    return above, below


def trace(axes: Axes) -> NDArray[np.float64]:
    """Return the corners of the two areas."""
    return np.concatenate([area.get_paths()[0].vertices for area in axes.collections])  # type: ignore[attr-defined]


def test_the_figure_of_many_rows_is_that_of_few() -> None:
    gains = np.random.default_rng(1).normal(1, 3, 100)
    few, many = (draw(compare(values))[1] for values in (gains, np.repeat(gains, 1000)))
    assert trace(few) == pytest.approx(trace(many))
    assert few.get_ylim() == pytest.approx(many.get_ylim())
    assert few.get_title("left") == many.get_title("left") == "33.0% favor the champion"
    assert few.get_xlabel() == "share of the rows, sorted (%); 2 of 100 extend beyond the edge"
    assert many.get_xlabel() == "share of the rows, sorted (%); 2,000 of 100,000 extend beyond the edge"


def test_the_interval_has_the_bound_that_decides_as_its_lower_end() -> None:
    compared = compare(np.random.default_rng(1).normal(1, 3, 100))
    above, below = draw(compared)
    bar, point, *lines = (line.get_xdata() for line in above.lines)
    assert tuple(bar) == (compared.lower_bound, compared.upper_bound)
    assert point[0] == compared.improvement
    assert [line[0] for line in lines] == [0, 0.1]
    assert above.get_title("left") == "Improvement of the mean squared error: 0.779 (96.17% interval: 0.208 to 1.32)"
    assert (below.get_title("left"), below.get_title("right")) == (
        "33.0% favor the champion",
        "67.0% favor the challenger",
    )


def test_a_few_extreme_rows_do_not_flatten_the_others() -> None:
    _, below = draw(compare(np.append(np.linspace(-1, 2, 299), 1000.0)))
    assert below.get_ylim()[1] < 3
    assert below.get_xlabel() == "share of the rows, sorted (%); 1 of 300 extends beyond the edge"


def test_the_alt_text_says_what_the_figure_shows() -> None:
    assert describe_gains(compare(np.random.default_rng(1).normal(1, 3, 100))) == (
        "Improvement of the mean squared error: 0.779 (96.17% interval: 0.208 to 1.32), in points. Below, the values "
        "of 100 rows, sorted: 67 favor the challenger, and 33 favor the champion. The smallest improvement worth a "
        "release is 0.100 points."
    )


@pytest.mark.parametrize(
    ("compared", "title", "gain"),
    [
        (compare(np.full(100, 3.0)), "mean squared error: 3.00", "3.00 points"),
        (Comparison(AUC, POOR, POOR**3, actual=ACTUAL), "area under the ROC curve: 0", "0"),
    ],
)
def test_equal_gains_have_no_interval(compared: Comparison, title: str, gain: str) -> None:
    """The report said that the improvement is "between 3.0 and 3.0"."""
    assert draw(compared)[0].get_title("left") == f"Improvement of the {title} (the same for all rows)"
    assert describe_gains(compared).startswith(f"Improvement of the {title} (the same for all rows)")
    assert report_gains(compared, decide_promotion(compared)).startswith(
        f"All rows have the same gain, {gain}, so they do not show how much the improvement varies. A promotion needs "
        "a gain above zero.\nBecause the gains do not vary, the smallest improvement that these rows could show is "
    )


def test_gains_that_are_too_skewed_have_no_interval() -> None:
    compared = compare(np.append(np.ones(88) + 0.01 * POOR[:88], -20.0))
    above, _ = draw(compared)
    assert above.get_title("left").endswith("(a few rows are too extreme for an interval)")
    assert [len(line.get_xdata()) for line in above.lines] == [1, 2, 2]
    assert report_gains(compared, decide_promotion(compared)).startswith("On a few rows, the challenger is so much")


@pytest.mark.parametrize(
    ("first", "title"),
    [
        (Comparison(SQUARES, None, POOR**2), "Mean squared error of the challenger: 0.353"),
        (Comparison(AUC, None, POOR, actual=ACTUAL), "Area under the ROC curve of the challenger: 0.729"),
    ],
)
def test_the_first_model_shows_the_metric_itself(first: Comparison, title: str) -> None:
    above, below = draw(first)
    assert above.get_title("left").startswith(title)
    assert below.get_title("left") == ""
    assert describe_gains(first).endswith("sorted.")
    assert report_gains(first, decide_promotion(first)) == "There is no champion to improve on yet."


def test_another_metric_has_the_same_figure() -> None:
    above, below = draw(Comparison(AUC, POOR, GOOD, actual=ACTUAL))
    assert above.get_title("left").startswith("Improvement of the area under the ROC curve: 0.2")
    assert below.get_xlabel().startswith("share of the rows, sorted (%)")
    shares, meanings = zip(*(below.get_title(side).split("% ") for side in ("left", "right")), strict=True)
    assert float(shares[0]) < 50 < float(shares[1])
    assert meanings == ("reduce the improvement", "add to the improvement")


def test_a_row_on_which_the_models_are_equal_favors_neither() -> None:
    """Both models rank the first row highest. It was said to favor the champion."""
    compared = Comparison(AUC, np.append(9.0, POOR), np.append(9.0, GOOD), actual=np.append(True, ACTUAL))
    assert compared.gains[0] < 0 < compared.improvement
    assert "favor" not in describe_gains(compared)


def test_groups_of_rows_are_named() -> None:
    actual, poor, good = (np.tile(values, 50) for values in (ACTUAL, POOR, GOOD))
    compared = Comparison(AUC, poor, good, actual=actual)
    assert draw(compared)[1].get_xlabel().startswith("share of the groups of rows, sorted (%)")
    assert describe_largest(compared) == "The rows were compared in groups, so the share of single rows is unknown."


@pytest.mark.parametrize(
    ("compared", "said"),
    [
        (Comparison(SQUARES, POOR, POOR), "The two models are equal: no row differs."),
        (Comparison(AUC, POOR, POOR, actual=ACTUAL), "The two models are equal: no row differs."),
        (compare(np.ones(1)), "There are too few rows to plot."),
        (Comparison(SQUARES, None, np.empty(0)), "There are too few rows to plot."),
        (
            Comparison(AUC, None, GOOD, actual=np.arange(200) < 3),
            "The rarest class has only 3 of the 200 rows unseen by the challenger, but an interval of the area under "
            "the ROC curve needs 5 of each class.",
        ),
    ],
)
def test_a_figure_without_gains_says_why(compared: Comparison, said: str) -> None:
    (axes,) = plot_gains(compared).axes
    assert [text.get_text() for text in axes.texts] == [said]
    assert not axes.axison
    assert describe_gains(compared) == said


def test_the_sentences_have_a_fixed_order() -> None:
    compared = compare(np.random.default_rng(1).normal(1, 3, 100))
    assert report_gains(compared, decide_promotion(compared)) == (
        "With a confidence of 96.17%, the true improvement is between 0.208 and 1.32 points. A promotion needs the "
        "first number to be above zero.\n"
        "Smallest improvement that the gate detects on these rows in about four cases out of five: 0.787 points.\n"
        "The five rows with the largest gains make up 36% of the improvement; if all 100 gains were equal, any five "
        "would make up 5%. Without them, the improvement would be 0.523 points, and without the five rows with the "
        "largest losses, 1.09 points.\n"
        "This is the first comparison with this champion. It needs a confidence of 98.09%. All comparisons with "
        "this champion together keep a confidence of 95%."
    )


CARRIED = [1.0] * 5


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        (
            [1.0] * 10,
            "make up 50% of the improvement; if all 10 gains were equal, any five would make up 50%. Without them, the "
            "improvement would be 1.00 points.",
        ),
        (
            [*CARRIED, *[0.25] * 20],
            "make up 50% of the improvement; if all 25 gains were equal, any five would make up 20%. Without them, the "
            "improvement would be 0.250 points.",
        ),
        (
            [*CARRIED, *[-0.1] * 5],
            "make up all of the improvement; if all 10 gains were equal, any five would make up 50%. Without them, the "
            "improvement would be -0.100 points, and without the five rows with the largest losses, 1.00 points.",
        ),
        (
            [1.0] * 1000,
            "make up less than 1% of the improvement; if all 1,000 gains were equal, any five would make up less than "
            "1%. "
            "Without them, the improvement would be 1.00 points.",
        ),
        ([-1.0] * 10, "There is no improvement, so no rows contribute to it."),
        ([1.0] * 5, "Only 5 rows were compared, so the whole improvement rests on them."),
    ],
)
def test_the_share_of_the_five_largest_gains(gains: list[float], said: str) -> None:
    assert describe_largest(compare(np.array(gains))).endswith(said)


def test_without_five_rows_another_metric_is_close_to_what_is_said() -> None:
    compared = Comparison(AUC, POOR, GOOD, actual=ACTUAL)
    rest = np.argsort(compared.gains)[:-5]
    exact = Comparison(AUC, POOR[rest], GOOD[rest], actual=ACTUAL[rest]).improvement
    said = describe_largest(compared)
    found = re.search(
        r"would be about ([\d.]+), and without the five rows with the largest losses, about ([\d.]+)\.$", said
    )
    assert found
    assert float(found[1]) == pytest.approx(exact, rel=0.1)
    rest = np.argsort(compared.gains)[5:]
    exact = Comparison(AUC, POOR[rest], GOOD[rest], actual=ACTUAL[rest]).improvement
    assert float(found[2]) == pytest.approx(exact, rel=0.1)
