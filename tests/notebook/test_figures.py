"""The figures of the notebooks, and the texts that replace them for readers who cannot see them."""

import pytest

from mlops.data.drift import Drift
from mlops.notebook import figures

SPREAD = Drift("age", "spread", 1.3, 1.2, True)


def make_drifts(*seen: float) -> list[Drift]:
    """Return the distances of columns that are called a, b and so on."""
    return [*(Drift(name, "shape", value, 0.1, False) for name, value in zip("abc", seen, strict=False)), SPREAD]


@pytest.mark.parametrize("seen", [(0.0, 0.0), ()])
def test_a_plot_without_bars_says_why_it_has_none(seen: tuple[float, ...]) -> None:
    """The sample is the file that the reference was made from."""
    said = "No column has moved: the distribution is exactly that of the reference."
    (axes,) = figures.plot_drift(make_drifts(*seen)).axes
    assert [text.get_text() for text in axes.texts] == [said]
    assert figures.describe_drift(make_drifts(*seen)) == said


def test_the_drift_of_categories_is_shown_beside_that_of_numbers() -> None:
    drifts = [*make_drifts(0.01), Drift("plan", "mix", 0.2, 0.1, drifted=True)]
    (axes,) = figures.plot_drift(drifts).axes
    assert axes.get_xlabel() == "Kolmogorov-Smirnov distance or total variation distance from the reference"
    assert [label.get_text() for label in axes.get_yticklabels()][-1] == "plan"
    said = "Distance of each column from the reference; the largest is plan with 0.200."
    assert figures.describe_drift(drifts) == said
    (axes,) = figures.plot_drift(make_drifts(0.01)).axes
    assert axes.get_xlabel() == "Kolmogorov-Smirnov distance from the reference"


def test_a_plot_with_bars_names_the_largest() -> None:
    (axes,) = figures.plot_drift(make_drifts(0.0, 0.0312, 0.02)).axes
    assert list(axes.texts) == []
    said = "Distance of each column from the reference; the largest is b with 0.0312."
    assert figures.describe_drift(make_drifts(0.0, 0.0312, 0.02)) == said


def test_a_plot_of_many_columns_has_those_with_the_largest_shift_and_says_so() -> None:
    drifts = [Drift(f"c{number}", "shape", number / 1e4, 0.1, False) for number in range(1000)]
    figure = figures.plot_drift(drifts)
    assert figure.get_suptitle() == "The 20 of 1,000 columns with the largest shift"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()][::19] == ["c999", "c980"]
    assert figure.get_size_inches()[1] < 10
    said = "The 20 of 1,000 columns with the largest shift from the reference; the largest is c999 with 0.0999."
    assert figures.describe_drift(drifts) == said
