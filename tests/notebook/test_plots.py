"""The plots that a problem declares."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from mlops.errors import ProblemError
from mlops.notebook import plots
from mlops.notebook.plots import Picture, draw_plots, save_pictures
from mlops.notebook.stock_plots import Predicted, draw_calibration, draw_roc
from mlops.problem import Column, Problem, metrics

RNG = np.random.default_rng(0)
ROWS = pd.DataFrame({"x": RNG.normal(size=60), "z": RNG.normal(size=60)})
NUMBERS = ROWS.assign(y=2 * ROWS["x"] + RNG.normal(size=60))
BOOLEAN = ROWS.assign(y=ROWS["x"] + RNG.normal(0, 0.5, 60) > 0)
KINDS = ("daisy", "iris", "tulip")
CLASSES = ROWS.assign(y=np.array(KINDS)[np.arange(60) % 3])


class Sized(Problem):
    """A number, predicted by a function that stands for the model."""

    name = "sized"
    columns = (Column("x"), Column("z"), Column("y", role="target", title="size", unit="metres"))
    metrics = (metrics.mean_absolute_error("mae", unit="metres"),)

    def predict(self, model: Any, rows: pd.DataFrame) -> Any:
        """Return what the model returns."""
        return model.predict(rows)

    def explain(self, model: Any) -> Any:
        """Return the weights, if the model has some."""
        return getattr(model, "weights", None)


class Large(Sized):
    """A boolean target."""

    columns = (*Sized.columns[:2], Column("y", kind="boolean", role="target", title="large"))
    metrics = (metrics.roc_auc_score("auc"),)


class Kinds(Sized):
    """Three classes."""

    columns = (*Sized.columns[:2], Column("y", kind="category", role="target", allowed=KINDS, title="kind"))
    metrics = (metrics.log_loss(),)


def predict_kinds(rows: pd.DataFrame) -> Any:
    """Return probabilities that are highest for the right class of about two rows in three."""
    right = np.eye(3)[np.arange(len(rows)) % 3]
    return 0.4 * right + 0.6 * np.random.default_rng(1).dirichlet(np.ones(3), len(rows))


SLOPE = SimpleNamespace(predict=lambda rows: 2 * rows["x"].to_numpy())
CHANCE = SimpleNamespace(predict=lambda rows: 1 / (1 + np.exp(-3 * rows["x"].to_numpy())))
WEIGHTS = pd.Series({"x": 2.0, "z": -0.5}, name="weight")
LONG = pd.Series(np.arange(30.0), index=[f"c{number}" for number in range(30)])


def draw(problem: type[Problem], predict: Any, rows: pd.DataFrame, *named: Any, weights: Any = None) -> list[Picture]:
    """Return the pictures of a problem that declares these plots."""
    declared = type("Declared", (problem,), {"plots": named})()
    return draw_plots(declared, SimpleNamespace(predict=predict, weights=weights), rows)


@pytest.mark.parametrize(
    ("problem", "predict", "rows", "name", "alt"),
    [
        (Sized, SLOPE.predict, NUMBERS, "predictions", "Predicted against actual size of 60 rows; mean absolute"),
        (Large, CHANCE.predict, BOOLEAN, "roc", "ROC curve of large for 60 rows; the area under it is 0.9"),
        (
            Kinds,
            predict_kinds,
            CLASSES,
            "confusion",
            "Confusion matrix of kind: 57 of 60 rows have the right class, 95%",
        ),
    ],
)
def test_without_a_declaration_the_kind_of_the_target_decides(
    problem: type[Problem], predict: Any, rows: pd.DataFrame, name: str, alt: str
) -> None:
    (picture,) = draw(problem, predict, rows)
    assert picture.name == name
    assert picture.alt.startswith(alt)
    assert picture.png.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("problem", "predict", "rows", "name", "alt"),
    [
        (Sized, SLOPE.predict, NUMBERS, "residuals", "Errors against predicted size of 60 rows; their mean is "),
        (
            Large,
            CHANCE.predict,
            BOOLEAN,
            "calibration",
            "Share of large against its predicted probability in 10 groups",
        ),
        (Large, CHANCE.predict, BOOLEAN, "confusion", "Confusion matrix of large: "),
        (
            Large,
            CHANCE.predict,
            BOOLEAN.assign(y=True),
            "roc",
            "All rows have the same class, so there",
        ),
        (Kinds, predict_kinds, CLASSES, "roc", "ROC curves of 3 classes, each against the rest, for 60 rows; the mean"),
        (
            Kinds,
            predict_kinds,
            CLASSES,
            "calibration",
            "Share of each kind against its predicted probability in 10",
        ),
        (Kinds, predict_kinds, CLASSES.assign(y="iris"), "roc", "All rows have the same class"),
        (
            Kinds,
            predict_kinds,
            CLASSES.head(2),
            "calibration",
            "Share of each kind against its predicted probability in 6 ",
        ),
    ],
)
def test_a_plot_is_declared_by_its_name(
    problem: type[Problem], predict: Any, rows: pd.DataFrame, name: str, alt: str
) -> None:
    (picture,) = draw(problem, predict, rows, name)
    assert picture.alt.startswith(alt)


@pytest.mark.parametrize(
    ("problem", "predict", "rows", "title"),
    [(Large, CHANCE.predict, BOOLEAN, "large"), (Kinds, predict_kinds, CLASSES, "each kind")],
)
def test_a_plot_of_probabilities_has_the_target_as_its_title(
    problem: type[Problem], predict: Any, rows: pd.DataFrame, title: str
) -> None:
    data = Predicted(problem(), rows["y"].to_numpy(), predict(rows))
    assert [draw(data)[0].axes[0].get_title() for draw in (draw_roc, draw_calibration)] == [title, title]


@pytest.mark.parametrize(("share", "low", "high"), [(0.04, -0.05, 0.2), (0.96, 0.8, 1.05), (0.5, -0.1, 1.1)])
def test_the_calibration_of_a_rare_class_fills_the_plot(share: float, low: float, high: float) -> None:
    rng = np.random.default_rng(0)
    spread = 0.04 if share != 0.5 else 0.49
    predicted = share + spread * np.linspace(-1, 1, 2000)
    figure, _ = draw_calibration(Predicted(Large(), rng.random(2000) < predicted, predicted))
    (axes,) = figure.axes
    points = axes.lines[1].get_xydata()
    begin, end = axes.get_xlim()
    assert axes.get_ylim() == (begin, end)
    assert low < begin < points.min() < points.max() < end < high
    assert np.ptp(points) > 0.75 * (end - begin)


@pytest.mark.parametrize(
    ("weights", "alt"),
    [
        (WEIGHTS, "The weight of each feature; the largest is x with 2.00."),
        (LONG, "The 20 of 30 columns with the largest importance; the largest is c29 with 29.0."),
    ],
)
def test_importances_are_what_the_problem_explains(weights: pd.Series, alt: str) -> None:
    (picture,) = draw(Sized, SLOPE.predict, NUMBERS, "importances", weights=weights)
    assert picture.alt == alt


def test_a_problem_that_does_not_explain_its_models_has_no_importances(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The notebook says so beside its table of importances, and not again beside the plots."""
    assert draw(Sized, SLOPE.predict, NUMBERS, "importances") == []
    assert capsys.readouterr().out == ""
    save_pictures([], tmp_path / "plots")
    assert list((tmp_path / "plots").iterdir()) == []


def lift(axes: Axes, actual: Any, predicted: Any) -> str:
    """Draw a line."""
    axes.plot(actual, predicted)
    return f"A line of {len(actual)} rows."


def test_an_own_plot_gets_axes_and_returns_its_alt_text(tmp_path: Path) -> None:
    pictures = draw(Large, CHANCE.predict, BOOLEAN, "roc", lift)
    assert [picture.name for picture in pictures] == ["roc", "lift"]
    assert pictures[1].alt == "A line of 60 rows."
    save_pictures(pictures, tmp_path / "plots")
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == ["lift.png", "roc.png"]


def test_pictures_are_shown_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(plots, "show_picture", lambda png, alt: shown.append(alt))
    plots.show_pictures([Picture("a", b"", "first"), Picture("b", b"", "second")])
    assert shown == ["first", "second"]


def fail(axes: Axes, actual: Any, predicted: Any) -> str:
    """Fail."""
    raise KeyError("day")


def forget(axes: Axes, actual: Any, predicted: Any) -> None:
    """Return no text."""


@pytest.mark.parametrize(
    ("plot", "message"),
    [
        (fail, "The problem 'sized': the plot fail failed. KeyError: 'day'."),
        (forget, "The problem 'sized': the plot forget returned None. Return a sentence for readers who cannot see"),
    ],
)
def test_an_own_plot_that_fails_is_named(plot: Any, message: str) -> None:
    with pytest.raises(ProblemError) as raised:
        draw(Sized, SLOPE.predict, NUMBERS, plot)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (
            ("rox",),
            "The problem 'large' declares the plot 'rox', but there is no such plot. The plots that fit its target "
            "are: roc, calibration, confusion, importances. You can also declare a function.",
        ),
        (
            ("predictions",),
            "The problem 'large' declares the plot 'predictions', which does not fit its target, a boolean. The plots ",
        ),
        ("roc", "The problem 'large': plots is 'roc'. Write a tuple: ('roc',)."),
        (("roc", "roc"), "The problem 'large' declares the plot 'roc' more than once. Remove one of them."),
        (
            (lambda axes, actual, predicted: "",),
            "The problem 'large' declares the plot <lambda>, which cannot be used.",
        ),
        ((3,), "The problem 'large' declares the plot 3, which cannot be used. Declare the name of a plot, such as"),
    ],
)
def test_a_wrong_plot_is_refused_when_it_is_declared(declared: object, message: str) -> None:
    with pytest.raises(ProblemError) as raised:
        type("Large", (Large,), {"name": "large", "plots": declared})()
    assert str(raised.value).startswith(message)
