"""The stock metrics, beside scikit-learn's own functions."""

from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics

from mlops.problem import metrics

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=50), RNG.normal(size=50)
BINARY = RNG.random(50) > 0.4, RNG.random(50)
CLASSES = np.arange(50) % 3, RNG.dirichlet(np.ones(3), size=50)


@pytest.mark.parametrize(
    ("metric", "pair", "options"),
    [
        (metrics.mean_squared_error(), NUMBERS, {}),
        (metrics.mean_absolute_error(), NUMBERS, {}),
        (metrics.root_mean_squared_error(), NUMBERS, {}),
        (metrics.r2_score(), NUMBERS, {}),
        (metrics.mean_pinball_loss(0.9), NUMBERS, {"alpha": 0.9}),
        (metrics.log_loss(), BINARY, {}),
        (metrics.log_loss(), CLASSES, {}),
        (metrics.roc_auc_score(), BINARY, {}),
        (metrics.roc_auc_score(), CLASSES, {"multi_class": "ovr"}),
        (metrics.average_precision_score(), BINARY, {}),
        (metrics.average_precision_score(), CLASSES, {}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_stock_metric_is_scikit_learn_s(metric: metrics.Metric, pair: tuple, options: dict) -> None:
    expected = getattr(sklearn.metrics, metric.name)(*pair, **options)
    assert metric.measure(*pair) == pytest.approx(expected, rel=1e-12)
    if metric.row_loss:
        losses = metric.row_loss(*pair)
        assert losses.shape == (50,)
        assert losses.mean() == pytest.approx(expected, rel=1e-12)
        assert not metric.higher_is_better


@pytest.mark.parametrize("metric", [metrics.accuracy_score(), metrics.f1_score()], ids=lambda metric: metric.name)
def test_a_metric_of_labels_takes_the_most_probable_class(metric: metrics.Metric) -> None:
    function = getattr(sklearn.metrics, metric.name)
    assert metric.measure(*BINARY) == function(BINARY[0], BINARY[1] >= 0.5)
    options = {"average": "macro"} if metric.name == "f1_score" else {}
    assert metric.measure(*CLASSES) == pytest.approx(function(CLASSES[0], CLASSES[1].argmax(axis=1), **options))


def test_an_undefined_metric_is_none() -> None:
    assert metrics.r2_score().measure(np.ones(1), np.ones(1)) is None
    assert metrics.roc_auc_score().measure(np.ones(5), np.linspace(0, 1, 5)) is None
    assert metrics.roc_auc_score().measure(np.array([0, 1, 1]), CLASSES[1][:3]) is None
    assert metrics.mean_squared_error().measure(np.empty(0), np.empty(0)) is None


def test_a_certain_but_wrong_prediction_has_a_finite_loss() -> None:
    assert metrics.log_loss().measure(np.array([True]), np.array([0.0])) == pytest.approx(34.5, abs=0.1)


def test_a_metric_may_be_shortened_and_knows_its_direction() -> None:
    metric = metrics.mean_squared_error("mse", unit="squared points", digits=4)
    assert (metric.name, metric.title, metric.unit, metric.digits) == (
        "mse",
        "mean squared error",
        "squared points",
        4,
    )
    assert not metric.higher_is_better
    assert metrics.roc_auc_score().higher_is_better


TIED = RNG.random(50) > 0.4, RNG.integers(0, 8, 50) / 7
CONSTANT = np.ones(50), NUMBERS[1]
STOCK = [
    (metrics.root_mean_squared_error(), NUMBERS),
    (metrics.r2_score(), NUMBERS),
    (metrics.r2_score(), CONSTANT),
    *((metrics.accuracy_score(), pair) for pair in (BINARY, CLASSES)),
    *((metrics.f1_score(), pair) for pair in (BINARY, CLASSES)),
    *((metrics.roc_auc_score(), pair) for pair in (BINARY, TIED, CLASSES)),
    *((metrics.average_precision_score(), pair) for pair in (BINARY, TIED, CLASSES)),
]


@pytest.mark.parametrize(("metric", "pair"), STOCK, ids=lambda value: getattr(value, "name", ""))
def test_resampled_sets_have_the_metric_of_their_rows(metric: metrics.Metric, pair: tuple) -> None:
    """The last sets have few rows, so that the metric of a set without a class or a prediction is compared, too."""
    drawn = [RNG.integers(0, 50, size) for size in (50, 50, 50, 4, 3, 2, 1, 1)]
    counts = np.stack([np.bincount(rows, minlength=50) for rows in drawn])
    expected = [metric.measure(pair[0][rows], pair[1][rows]) for rows in drawn]
    found = metric.measure_weighted(*pair, counts)
    assert found == pytest.approx(np.array(expected, dtype=float), rel=1e-9, abs=1e-12, nan_ok=True)
    assert metric.measure_weighted(*pair, np.ones((1, 50), dtype=int)) == pytest.approx(metric.measure(*pair))
    slow = replace(metric, weighted=None)
    assert slow.measure_weighted(*pair, counts) == pytest.approx(found, rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("metric", [metrics.roc_auc_score(), metrics.average_precision_score(), metrics.f1_score()])
def test_a_category_of_two_classes_has_the_mean_of_both(metric: metrics.Metric) -> None:
    """Neither class is called positive, so the order of the classes must not matter."""
    actual, positive = BINARY[0].astype(int), BINARY[1]
    found = metric.measure(actual, np.column_stack([1 - positive, positive]))
    assert found == metric.measure(1 - actual, np.column_stack([positive, 1 - positive]))
    both = [metric.measure(actual, positive), metric.measure(1 - actual, 1 - positive)]
    assert found == pytest.approx(np.mean(both))
    assert metrics.roc_auc_score().measure(actual, np.zeros((50, 2))) == 0.5


def test_a_metric_that_is_not_a_number_is_undefined() -> None:
    assert metrics.Metric("own", lambda actual, predicted: float("nan"), True).measure(*NUMBERS) is None
