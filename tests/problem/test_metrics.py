"""The stock metrics, beside scikit-learn's own functions."""

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
