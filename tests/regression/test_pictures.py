"""Pictures: the same plot drawn elsewhere is the same, another one is not."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from progression import problem
from shown import draw, plot, predict

from mlops.model.comparison import Comparison
from mlops.model.gains import plot_gains
from mlops.notebook import figures
from mlops.regression.expectations import PICTURES
from mlops.regression.pictures import measure_difference, reduce_picture


def crop(content: bytes, pixels: int) -> bytes:
    """Cut a picture's left and upper edge."""
    picture = Image.open(io.BytesIO(content))
    written = io.BytesIO()
    picture.crop((pixels, pixels, *picture.size)).save(written, "PNG")
    return written.getvalue()


def plot_losses(losses: NDArray[np.float64]) -> Figure:
    """Return the plot of `03_evaluate` for the first model."""
    return plot_gains(Comparison(problem.decisive, None, losses))


@pytest.fixture(scope="module")
def committed() -> bytes:
    """The plot as it is committed."""
    return reduce_picture(draw(plot()))


def test_the_same_plot_drawn_elsewhere_is_the_same(committed: bytes) -> None:
    assert measure_difference(committed, committed) == 0
    assert measure_difference(committed, draw(plot())) < 0.02
    assert measure_difference(committed, draw(plot(), dpi=100)) < 0.1
    assert measure_difference(committed, crop(draw(plot()), 1)) < 0.1
    with pyplot.rc_context({"text.hinting": "none", "path.snap": False, "font.size": 10.3}):
        assert measure_difference(committed, draw(plot())) < 0.1


def remove_points() -> Figure:
    figure = plot()
    figure.axes[0].collections[0].remove()
    return figure


def swap_axes() -> Figure:
    actual, predicted = predict(0.4)
    return figures.plot_predictions(predicted, actual, "disease progression")


def rename_axis() -> Figure:
    figure = plot()
    figure.axes[0].set_xlabel("predicted")
    return figure


@pytest.mark.parametrize(
    ("make", "least"),
    [
        (lambda: plot(0.5), 0.55),
        (remove_points, 0.25),
        (swap_axes, 0.7),
        (rename_axis, 0.2),
        (lambda: plot_losses(np.array([1.0, 2.0])), 0.8),
        (lambda: pyplot.figure(figsize=(9, 3.8)), 0.8),
    ],
    ids=["alpha 0.5", "points missing", "axes swapped", "label", "another plot", "blank"],
)
def test_another_plot_is_told(committed: bytes, make: Callable[[], Figure], least: float) -> None:
    assert measure_difference(committed, draw(make())) > least > PICTURES


def test_another_alpha_is_told_in_the_plot_of_losses() -> None:
    losses = [np.square(np.subtract(*map(np.asarray, predict(alpha)))) for alpha in (0.4, 0.5)]
    first, second = (draw(plot_losses(values)) for values in losses)
    assert measure_difference(reduce_picture(first), second) > 0.17


def test_a_committed_picture_is_small(committed: bytes) -> None:
    assert len(committed) < 10_000 < len(draw(plot()))
