"""The figures of the notebooks, and the texts that replace them for readers who cannot see them."""

import pytest

from mlops.data.drift import Drift
from mlops.notebook import figures


def make_drifts(*seen: float) -> list[Drift]:
    """Return the drift of columns that are called a, b and so on."""
    shapes = [Drift(name, "shape", value, 0.1) for name, value in zip("abc", seen, strict=False)]
    return [*shapes, *(Drift(shape.column, "spread", 1.0, 1.1, 1.0, "grew") for shape in shapes)]


@pytest.mark.parametrize("seen", [(0.0, 0.0), ()])
def test_a_plot_without_bars_says_why_it_has_none(seen: tuple[float, ...]) -> None:
    """The sample is the file that the reference was made from."""
    said = "No column differs from the reference."
    (axes,) = figures.plot_drift(make_drifts(*seen)).axes
    assert [text.get_text() for text in axes.texts] == [said]
    assert [label.get_text() for label in axes.get_yticklabels()] == list("ab")[: len(seen)]
    assert figures.describe_drift(make_drifts(*seen)) == said


def test_the_bar_of_a_column_is_that_of_its_strongest_test() -> None:
    drifts = [*make_drifts(0.01, 0.05), Drift("b", "spread", 1.3, 1.1, 1.0), Drift("plan", "mix", 0.2, 0.1)]
    (axes,) = figures.plot_drift(drifts).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a: shape", "b: spread", "plan: mix"]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([0.1, 3.0, 2.0])
    said = (
        "Difference of each column from the reference; the largest is the spread of b, 3.00 times the largest allowed."
    )
    assert figures.describe_drift(drifts) == said


def test_a_plot_of_many_columns_has_those_that_differ_most_and_says_so() -> None:
    drifts = [Drift(f"c{number}", "shape", number / 1e4, 0.1) for number in range(1000)]
    figure = figures.plot_drift(drifts)
    caption = "The 20 of 1,000 columns that differ most from the reference"
    assert figure.get_suptitle() == caption
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()][::19] == ["c999: shape", "c980: shape"]
    assert figure.get_size_inches()[1] < 10
    said = f"{caption}; the largest is the shape of c999, 0.999 times the largest allowed."
    assert figures.describe_drift(drifts) == said
