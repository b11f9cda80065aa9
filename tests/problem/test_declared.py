"""The declaration of a problem: its columns, metrics and names."""

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from mlops.errors import ProblemError
from mlops.problem import Column, Metric, Problem, metrics
from mlops.problem.scoring import cross_validate, predict_rows


class Flowers(Problem):
    """Three classes, predicted from two numbers."""

    name = "flowers"
    columns = (
        Column("length", minimum=0.0),
        Column("width", minimum=0.0),
        Column("day", kind="date", role="ignored"),
        Column("kind", kind="category", role="target", allowed=("iris", "daisy", "tulip")),
    )
    metrics = (metrics.accuracy_score("accuracy"), metrics.log_loss())
    gate = "log_loss"
    examples = ({"length": 1.0, "width": 2.0},)

    def train(self, rows: pd.DataFrame, *, penalty: float, seed: int = 0) -> Any:
        """Fit a logistic regression."""
        model = LogisticRegression(C=penalty, random_state=seed)
        return model.fit(rows[list(self.features)], rows[self.target.name])


FLOWERS = Flowers()


@pytest.fixture
def flowers() -> pd.DataFrame:
    """90 rows, 30 of each class, which overlap a little."""
    rng = np.random.default_rng(0)
    kinds = np.repeat(["tulip", "iris", "daisy"], 30)
    centre = np.repeat([1.0, 2.0, 3.0], 30)
    return pd.DataFrame({"length": rng.normal(centre, 0.4), "width": rng.normal(centre, 0.4), "kind": kinds})


def test_roles_give_the_features_the_target_and_the_classes() -> None:
    assert FLOWERS.features == ("length", "width")
    assert FLOWERS.target.name == "kind"
    assert FLOWERS.id is None
    assert FLOWERS.classes == ("daisy", "iris", "tulip")
    assert FLOWERS.decisive.name == "log_loss"
    assert FLOWERS.hyperparameters == ("penalty", "seed")
    assert FLOWERS.example_rows == [[1.0, 2.0]]


def test_a_run_records_the_metrics_without_their_functions() -> None:
    first = FLOWERS.declaration.metrics[0]
    assert (first.name, first.higher_is_better, first.title, first.unit, first.digits) == (
        "accuracy",
        True,
        "accuracy",
        "",
        6,
    )
    assert (FLOWERS.declaration.name, FLOWERS.declaration.gate) == ("flowers", "log_loss")


def test_a_classifier_predicts_the_probabilities_of_the_sorted_classes(flowers: pd.DataFrame) -> None:
    model = FLOWERS.train(flowers, penalty=1.0)
    predicted = predict_rows(FLOWERS, model, flowers)
    assert predicted.shape == (90, 3)
    found = FLOWERS.score(flowers["kind"], predicted)
    assert found["accuracy"] == pytest.approx((model.predict(flowers[["length", "width"]]) == flowers["kind"]).mean())
    assert found["log_loss"] == pytest.approx(-np.log(predicted[range(90), np.repeat([2, 1, 0], 30)]).mean())
    assert predict_rows(FLOWERS, model, flowers.head(0)).shape == (0, 3)
    # Rows of one class only: the classes keep their places.
    assert FLOWERS.score(flowers["kind"].head(30), predicted[:30])["accuracy"] == pytest.approx(1.0, abs=0.1)


def test_a_classifier_is_cross_validated_with_all_classes_in_each_fold(flowers: pd.DataFrame) -> None:
    assert 0.0 < cross_validate(FLOWERS, flowers, penalty=1.0) < cross_validate(FLOWERS, flowers, penalty=1e-3) < 1.2


def test_a_class_that_is_missing_in_the_training_has_the_probability_zero(flowers: pd.DataFrame) -> None:
    model = FLOWERS.train(flowers[flowers["kind"] != "daisy"], penalty=1.0)
    predicted = predict_rows(FLOWERS, model, flowers)
    assert predicted[:, 0].tolist() == [0.0] * 90
    assert predicted[:, 1:] == pytest.approx(model.predict_proba(flowers[["length", "width"]]))


def test_a_category_needs_a_probability_for_each_class(flowers: pd.DataFrame) -> None:
    class Labels(Flowers):
        def predict(self, model: Any, rows: pd.DataFrame) -> Any:
            return ["iris"] * len(rows)

    with pytest.raises(ProblemError, match=r"shape \(90,\)\. The shape must be \(90, 3\)\.$"):
        predict_rows(Labels(), None, flowers)


class Large(Flowers):
    """Whether a flower is large."""

    columns = (*Flowers.columns[:2], Column("large", kind="boolean", role="target"))
    metrics = (metrics.log_loss(),)


@pytest.mark.parametrize(("value", "probability"), [(True, 1.0), (False, 0.0), (1, 1.0), (0, 0.0)])
def test_a_boolean_target_can_have_a_single_class(flowers: pd.DataFrame, value: object, probability: float) -> None:
    rows = flowers.assign(large=value)
    model = DummyClassifier().fit(rows[["length", "width"]], rows["large"])
    assert predict_rows(Large(), model, rows).tolist() == [probability] * 90


def test_a_boolean_target_that_is_text_is_refused(flowers: pd.DataFrame) -> None:
    problem = Large()
    assert problem.encode(pd.Series([True, False], dtype="object")).tolist() == [1.0, 0.0]
    for dtype in ("object", "str"):
        with pytest.raises(ProblemError) as raised:
            problem.encode(pd.Series(["False", "True"], dtype=dtype))
        assert str(raised.value) == ("The column 'large' is boolean, but has the string 'False'. Use True or False.")


GONE = (
    "has no true value or no prediction in row 2, counted from 1. Drop the rows without a true value. If the "
    "prediction is missing, correct the model."
)


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA], ids=["None", "NaN", "NA"])
def test_a_target_without_a_value_is_refused(gap: object) -> None:
    truth = pd.Series([True, gap, False], dtype="object")
    for values in (truth, truth.astype("boolean")):
        with pytest.raises(ProblemError) as raised:
            Large().encode(values)
        assert str(raised.value) == f"The column 'large' {GONE}"
    with pytest.raises(ProblemError) as raised:
        FLOWERS.encode(pd.Series(["iris", gap], dtype="str"))
    assert str(raised.value) == f"The column 'kind' {GONE}"
    number = type("Long", (Flowers,), {"columns": (Flowers.columns[1], Column("length", role="target"))})
    changed = type("Long", (number,), {"metrics": (ERROR,), "gate": "", "examples": ()})()
    with pytest.raises(ProblemError) as raised:
        changed.score(pd.Series([1.0, gap, 2.0], dtype="Float64"), [1.0, 2.0, 2.0])
    assert str(raised.value) == f"The column 'length' {GONE}"


def test_a_prediction_without_a_value_is_refused() -> None:
    with pytest.raises(ProblemError) as raised:
        FLOWERS.encode([[0.5, 0.2, 0.3], [0.5, np.nan, 0.3]])
    assert str(raised.value) == f"The column 'kind' {GONE}"
    assert FLOWERS.encode(np.empty((0, 3))).shape == (0, 3)


def test_a_class_that_is_not_declared_is_refused(flowers: pd.DataFrame) -> None:
    with pytest.raises(ProblemError) as raised:
        FLOWERS.encode(flowers["kind"].replace("iris", "rose"))
    assert str(raised.value) == (
        "The column 'kind' has the value 'rose'. Its declared classes are: daisy, iris, tulip."
    )


def test_a_problem_without_a_sample_says_how_to_name_a_file() -> None:
    with pytest.raises(ProblemError, match=r"has no sample data\. Name a file with the parameter data_path\."):
        FLOWERS.load_sample()


NUMBER, TARGET = Column("a"), Column("b", role="target")
ERROR = metrics.mean_squared_error()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Two Words"}, "Broken.name is 'Two Words'. Use 3 to 21 lower-case letters, digits and hyphens, "),
        (
            {"columns": (NUMBER, NUMBER, TARGET)},
            "The problem 'broken' declares the column 'a' more than once. Remove one",
        ),
        (
            {"columns": (NUMBER,)},
            "The problem 'broken' needs exactly one column with the role \"target\", but has none",
        ),
        (
            {"columns": (NUMBER, TARGET, Column("c", role="target"))},
            "The problem 'broken' needs exactly one column with the role \"target\", but has b, c.",
        ),
        ({"columns": (TARGET,)}, "The problem 'broken' has no features. Declare at least one column with the role"),
        (
            {"columns": (NUMBER, Column("b", kind="category", role="target"))},
            "The column 'b' is a category and the target, so it must list its classes: allowed=(...).",
        ),
        (
            {"columns": (NUMBER, Column("b", kind="date", role="target"))},
            "The column 'b' has the kind 'date', which cannot be a target.",
        ),
        (
            {"columns": (NUMBER, TARGET, Column("c", kind="id"), Column("d", role="id"))},
            "The problem 'broken' has more than one column with the role \"id\": c, d. Keep one, and give the others "
            'the role "feature" or "ignored".',
        ),
        ({"metrics": ()}, "The problem 'broken' has no metrics. Choose one from mlops.problem.metrics."),
        ({"metrics": (ERROR, ERROR)}, "The problem 'broken' has two metrics with the same name: mean_"),
        (
            {"metrics": (metrics.r2_score("r2"),)},
            "The problem 'broken' decides on promotions by the metric 'r2', which can be zero or negative, so the "
            "smallest gain cannot be a share of it.",
        ),
        ({"smallest_gain": -1.0}, "The problem 'broken': smallest_gain is -1.0. Give a number that is 0 or more."),
        ({"smallest_gain": "0.1"}, "The problem 'broken': smallest_gain is '0.1'. Give a number that is 0 or more."),
        ({"smallest_gain": ""}, "The problem 'broken': smallest_gain is ''. Give a number that is 0 or more."),
        ({"smallest_gain": True}, "The problem 'broken': smallest_gain is True. Give a number that is 0 or more."),
        (
            {"smallest_relative_gain": None},
            "The problem 'broken': smallest_relative_gain is None. Give a number that is 0 or more.",
        ),
        (
            {"smallest_relative_gain": float("nan")},
            "The problem 'broken': smallest_relative_gain is nan. Give a number that is 0 or more.",
        ),
        (
            {"metrics": (metrics.roc_auc_score("auc"),)},
            "The problem 'broken' has the metric 'auc', which fits a target of the kind boolean or category. The kind "
            "of its target is number.",
        ),
        ({"segments": "a"}, "The problem 'broken': segments is 'a'. Write a tuple: ('a',)."),
        (
            {"segments": ("a", "c")},
            "The problem 'broken': segments[1] is 'c'. It must be a category, a boolean or a number with the role "
            '"feature" or "ignored": a.',
        ),
        (
            {"segments": ("b",)},
            "The problem 'broken': segments[0] is 'b'. It must be a category, a boolean or a number",
        ),
        (
            {"columns": (NUMBER, TARGET, Column("day", kind="date")), "segments": ("day",)},
            "The problem 'broken': segments[0] is 'day'. It must be a category, a boolean or a number with the role",
        ),
        ({"segments": ("a", "a")}, "The problem 'broken': segments has 'a' more than once. Remove one of them."),
        ({"segments": (NUMBER,)}, "The problem 'broken': segments[0] is of the type Column, but must be of the type"),
        (
            {"segments": ("a",), "reject_worse_segments": "no"},
            "The problem 'broken': reject_worse_segments is 'no'. Write True or False.",
        ),
        (
            {"reject_worse_segments": True},
            "The problem 'broken': reject_worse_segments is True, but there are no segments. Name the columns: "
            'segments = ("a",).',
        ),
        ({"gate": "auc"}, "The problem 'broken': gate is 'auc', which is not one of its metrics: mean_squared_error."),
        ({"name": 1}, "Broken.name is 1. Use 3 to 21 lower-case letters, digits and hyphens, "),
        ({"gate": None}, "The problem 'broken': gate is None. Write a string."),
        ({"trusted_types": ("",)}, "The problem 'broken': trusted_types[0] is empty. Remove it."),
        (
            {"image_files": ("a.py", "a.py")},
            "The problem 'broken': image_files has 'a.py' more than once. Remove one of them.",
        ),
        ({"columns": "ab"}, "The problem 'broken': columns is 'ab'. Write a tuple: ('ab',)."),
        ({"plots": "roc"}, "The problem 'broken': plots is 'roc'. Write a tuple: ('roc',)."),
        ({"trusted_types": "a.B"}, "The problem 'broken': trusted_types is 'a.B'. Write a tuple: ('a.B',)."),
        ({"image_files": "a.py"}, "The problem 'broken': image_files is 'a.py'. Write a tuple: ('a.py',)."),
        (
            {"metrics": ERROR},
            "The problem 'broken': metrics is of the type Metric. Write a tuple, with a comma after a single value.",
        ),
        ({"examples": {"a": 1.0}}, "The problem 'broken': examples is of the type dict. Write a tuple, with a comma"),
        (
            {"columns": (NUMBER, "b")},
            "The problem 'broken': columns[1] is of the type str, but must be of the type Column.",
        ),
        (
            {"metrics": (metrics.mean_squared_error,)},
            "The problem 'broken': metrics[0] is of the type function, but must be of the type Metric.",
        ),
        (
            {"examples": (1.0,)},
            "The problem 'broken': examples[0] is of the type float, but must be of the type Mapping.",
        ),
        (
            {"image_files": (1,)},
            "The problem 'broken': image_files[0] is of the type int, but must be of the type str.",
        ),
        ({"examples": ({"b": 1.0},)}, "The problem 'broken': examples[0] must have exactly the features: a."),
    ],
)
def test_a_contradiction_is_an_error(changes: dict[str, object], message: str) -> None:
    declared = {"name": "broken", "columns": (NUMBER, TARGET), "metrics": (ERROR,), **changes}
    with pytest.raises(ProblemError) as raised:
        type("Broken", (Problem,), declared)()
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: Column("a", kind="text"), "The column 'a' has the kind 'text'. Write number, category, boolean, date"),
        (
            lambda: Column("a", role="label"),
            "The column 'a' has the role 'label'. Write feature, target, id or",
        ),
        (
            lambda: Column("a", kind="category", allowed="basic"),
            "The column 'a': allowed is 'basic'. Write a tuple: ('basic',).",
        ),
        (
            lambda: Column("a", kind="category", allowed=("x", 1.5)),
            "The column 'a': allowed[1] is of the type float, but must be of the type str.",
        ),
        (
            lambda: Metric("a", max, True, kinds="number"),
            "The metric 'a': kinds is 'number'. Write a tuple: ('number',).",
        ),
        (lambda: Column("a", allowed=("x",)), "The column 'a' lists allowed values, but its kind is 'number'. Only"),
        (lambda: Column("a", kind="id", minimum=0), "The column 'a' has a range, but its kind is 'id'. Only num"),
        (lambda: Column("a", role="id", minimum=0), "The column 'a' has a range, but its role is 'id'. Remove"),
        (lambda: Column("a", kind="date", minimum=0.0), "The column 'a' has the bound 0.0, which does not fit its"),
        (lambda: Column("a", minimum=2, maximum=1), "The column 'a' has the minimum 2 above its maximum 1."),
        (lambda: Column("a", max_missing=2), "The column 'a' has max_missing 2. Give a share from 0 to 1."),
        (lambda: Column("a", max_missing="0.1"), "The column 'a' has max_missing '0.1'. Give a share from 0 to 1."),
        (lambda: Column("a", max_missing=True), "The column 'a' has max_missing True. Give a share from 0 to 1."),
        (lambda: Column("a", minimum="0"), "The column 'a' has the bound '0', which does not fit its kind 'number'."),
        (lambda: Column("a", maximum=True), "The column 'a' has the bound True, which does not fit its kind 'number'."),
        (
            lambda: Column("a", role="target", max_missing=0.2),
            "The column 'a' has max_missing 0.2, but it is the target. Remove max_missing, and drop the rows without a "
            "target.",
        ),
        (
            lambda: Column("a", kind="id", max_missing=0.2),
            "The column 'a' has max_missing 0.2, but it is the id. Remove max_missing, or give the column the role "
            '"feature" or "ignored".',
        ),
        (lambda: Column("a", kind="boolean", min_share=-1), "The column 'a' has min_share -1. Give a share from"),
        (lambda: Column("a", min_share=0.1), "The column 'a' has min_share, but its kind is 'number'. Only a"),
        (
            lambda: Column("a", kind="category", allowed=("x", "y", "z"), min_share=0.4),
            "The column 'a' has min_share 0.4, but 3 values cannot each have that share.",
        ),
        (lambda: Metric("a b", max, True), "The metric name 'a b' is invalid. Use letters, digits and underscores"),
        (
            lambda: Metric("a", max, True, digits="4"),
            "The metric 'a' has '4' digits. Give a whole number from 1 to 15.",
        ),
        (lambda: Metric("a", max, True, digits=16), "The metric 'a' has 16 digits. Give a whole number from 1 to 15."),
        (
            lambda: Metric("a", max, True, digits=2.5),
            "The metric 'a' has 2.5 digits. Give a whole number from 1 to 15.",
        ),
        (lambda: Metric("a", max, True, least_rows=0), "The metric 'a': least_rows is 0. Give a whole number from 1."),
        (lambda: Metric("a", max, True, least_rows=True), "The metric 'a': least_rows is True. Give a whole number"),
        (lambda: Metric(1, max, True), "The metric name 1 is invalid. Use letters, digits and underscores"),
        (lambda: Metric("a", "auc", True), "The metric 'a': score is 'auc'. Give a function."),
        (lambda: Metric("a", max, "no"), "The metric 'a': higher_is_better is 'no'. Write True or False."),
        (lambda: Metric("a", max, False, row_loss=True), "The metric 'a': row_loss is True. Give a function."),
        (lambda: Metric("a", max, True, weighted="w"), "The metric 'a': weighted is 'w'. Give a function."),
        (lambda: Metric("a", max, True, title=1), "The metric 'a': title is 1. Write a string."),
        (lambda: Metric("a", max, True, unit=None), "The metric 'a': unit is None. Write a string."),
        (lambda: Metric("a", max, True, all_classes=0), "The metric 'a': all_classes is 0. Write True or False."),
        (lambda: Metric("a", max, True, signed="no"), "The metric 'a': signed is 'no'. Write True or False."),
        (
            lambda: Metric("a", max, True, kinds=("date",)),
            "The metric 'a': kinds has 'date', which cannot be the kind of a target. Choose: number, boolean",
        ),
        (lambda: Column(1), "A column: name is 1. Write a string."),
        (lambda: Column("a", title=1), "The column 'a': title is 1. Write a string."),
        (lambda: Column("a", unit=None), "The column 'a': unit is None. Write a string."),
        (lambda: Column("a", watch_drift="no"), "The column 'a': watch_drift is 'no'. Write True or False."),
        (lambda: Column("a", checked_in_service=0), "The column 'a': checked_in_service is 0. Write True or False."),
        (
            lambda: Column("a", minimum=float("nan")),
            "The column 'a' has the bound nan, which does not fit its kind 'number'. Write a number.",
        ),
        (
            lambda: Column("a", kind="date", minimum=datetime(2024, 1, 31, 5), maximum=date(2025, 1, 1)),
            "The column 'a' has the bound datetime.datetime(2024, 1, 31, 5, 0), which does not fit its kind 'date'. "
            "Write a day, date(2024, 1, 31).",
        ),
        (lambda: Column("a", kind="category", allowed=("x", "")), "The column 'a': allowed[1] is empty. Remove it."),
        (
            lambda: Column("a", kind="category", allowed=("x", "x")),
            "The column 'a': allowed has 'x' more than once. Remove one of them.",
        ),
        (lambda: Metric("a", max, True, row_loss=max), "The metric 'a' has row_loss, so a lower value must be"),
    ],
)
def test_a_wrong_column_or_metric_is_an_error(declare: Any, message: str) -> None:
    with pytest.raises(ProblemError) as raised:
        declare()
    assert str(raised.value).startswith(message)
