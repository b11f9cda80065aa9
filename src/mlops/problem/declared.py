"""The base class of problems."""

import inspect
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mlops.errors import ProblemError
from mlops.problem.column import Column
from mlops.problem.consistency import check_problem
from mlops.problem.declaration import Declaration, describe_metric
from mlops.problem.image_files import check_image_files
from mlops.problem.metric import Metric

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from mlops.problem.plots import OwnPlot


class Problem:
    """A prediction problem: its target, columns, metrics and model.

    Derive a class in a package of your own, set its attributes, and override `train`. The other methods have defaults.

    Attributes
    ----------
    name : str
        The names of the model, the data set, the services and the pipeline derive from this name. It has 3 to 21
        lower-case letters, digits and hyphens.
    columns : tuple of Column
        The columns of a data file. Exactly one has the role "target".
    metrics : tuple of Metric
        The metrics of a model. The first one is the main metric, which reports show first.
    gate : str
        The name of the metric on which promotions are decided. Empty for the first metric.
    smallest_gain : float, optional
        The smallest improvement that is worth a release, in the unit of the metric on which promotions are decided. By
        default, it is `smallest_relative_gain` times the champion's metric.
    smallest_relative_gain : float
        The smallest improvement that is worth a release, as a share of the champion's metric: 0.001 is 0.1 %. It is
        ignored if `smallest_gain` is set.
    segments : tuple of str
        The names of columns that divide the rows into segments. A new model is also compared with the champion in each.
        A category or boolean has a segment for each value. A number has four segments, each with a quarter of the rows.
    reject_worse_segments : bool
        Whether to reject a new model that is better overall, but worse in a segment. It counts as worse if the
        difference is significant, and at least as large as the smallest improvement that is worth a release.
    plots : tuple of str or callable
        The plots of the predictions for the held-out rows: "predictions" or "residuals" for a target that is a number,
        "roc", "calibration" or "confusion" for classes, and "importances" for the result of `explain`. If empty, the
        plot is "predictions" for a number, "roc" for a boolean, and "confusion" for a category. A plot of your own is a
        function ``plot(axes, actual, predicted)`` that draws on a matplotlib `Axes`. It gets the values of the target
        and the predictions as arrays. It returns a sentence with the main number, for readers who cannot see the plot.
    examples : tuple of mapping of str to value
        Rows that users can send to try the service. Each is a mapping of column names to values. Examples are
        published, so never take them from the data.
    trusted_types : tuple of str
        The types that may be loaded from model files, such as "sklearn.tree._tree.Tree". List only types that you have
        reviewed. Types that skops trusts by default need no entry.
    image_files : tuple of str
        The modules of the problem's package that the scoring script imports: "features.py". These modules must not
        import `mlops`.
    joins_requests : bool
        Whether the service can pass requests that arrive at the same time to the scoring script in a single call, which
        is faster. Set it to False if the script must get each request in a separate call.

    Raises
    ------
    ProblemError
        If the declaration contradicts itself. This is checked when an object of the class is created.
    """

    name: ClassVar[str] = ""
    columns: ClassVar[tuple[Column, ...]] = ()
    metrics: ClassVar[tuple[Metric, ...]] = ()
    gate: ClassVar[str] = ""
    smallest_gain: ClassVar[float | None] = None
    smallest_relative_gain: ClassVar[float] = 0.001
    segments: ClassVar[tuple[str, ...]] = ()
    reject_worse_segments: ClassVar[bool] = False
    plots: ClassVar[tuple["str | OwnPlot", ...]] = ()
    examples: ClassVar[tuple[Mapping[str, object], ...]] = ()
    trusted_types: ClassVar[tuple[str, ...]] = ()
    image_files: ClassVar[tuple[str, ...]] = ()
    joins_requests: ClassVar[bool] = True

    def __init__(self) -> None:
        check_problem(self)
        check_image_files(self)

    def __str__(self) -> str:
        return f"The problem {self.name!r}"

    def load_sample(self) -> "pd.DataFrame":
        """Return sample data, which is used if MLOPS_HOME has no data set yet.

        The notebooks write the sample to a CSV file, from which the columns are read as their declared kinds. So dates
        in the sample can be strings.

        Raises
        ------
        ProblemError
            If the problem has no sample data, which is the default.
        """
        from mlops.pipelines.advice import DATA_PARAMETER

        raise ProblemError(f"{self} has no sample data. Name a file with the parameter {DATA_PARAMETER}.")

    def mark_holdout(self, rows: "pd.DataFrame", share: float, seed: int) -> "pd.Series":
        """Mark the rows that are held out from training. The default is `mlops.problem.split.mark_rows`.

        Parameters
        ----------
        rows : DataFrame
            Rows with all features, and with the id if the problem has one.
        share : float
            The expected share of held-out rows, between 0 and 1.
        seed : int
            The seed. A different seed selects a different holdout.

        Returns
        -------
        Series of bool
            True for a held-out row. The index is that of `rows`.
        """
        from mlops.problem.split import mark_rows

        return mark_rows(self.key, rows, share, seed)

    def split_rows(self, rows: "pd.DataFrame", share: float, seed: int) -> "tuple[pd.DataFrame, pd.DataFrame]":
        """Split rows as `mark_holdout` marks them, and return the training rows and the holdout rows.

        Raises
        ------
        UsageError
            If either part has fewer than two rows, or if a class has fewer than two training rows.
        """
        from mlops.problem.split import check_split

        held_out = self.mark_holdout(rows, share, seed)
        training, holdout = rows[~held_out], rows[held_out]
        check_split(training, holdout, share, self.target, self.classes)
        return training, holdout

    def prepare(self, rows: "pd.DataFrame") -> "pd.DataFrame":
        """Return the inputs of the model, computed from rows. By default, these are the features.

        Override this method if the inputs of the model differ from the features, and call it in `train` and `predict`.
        A model that you load with MLflow's client needs these inputs, not the features.
        """
        return rows[list(self.features)]

    def train(self, rows: "pd.DataFrame", *args: "Any", **hyperparameters: "Any") -> "Any":
        """Fit a scikit-learn estimator on rows, and return it.

        Override this method. Its keyword-only parameters are the hyperparameters. The notebook 02_train must declare
        each of them as a parameter.

        Parameters
        ----------
        rows : DataFrame
            Training rows with all columns.

        Raises
        ------
        ProblemError
            If the method is not overridden.
        """
        raise ProblemError(f"{self} does not define how to train a model. Override `train` in {type(self).__name__}.")

    def predict(self, model: "Any", rows: "pd.DataFrame") -> "ArrayLike":
        """Return the predictions for rows. The service must return the same predictions.

        Parameters
        ----------
        model : scikit-learn estimator
            An estimator that `train` returned.
        rows : DataFrame
            One or more rows with all features.

        Returns
        -------
        array of shape (n,) or (n, classes)
            By default, numbers for a target that is a number, the probability of true for a boolean target, and
            the probabilities of the sorted classes for a category.
        """
        inputs = self.prepare(rows)
        if not self.classes:
            return model.predict(inputs)
        import numpy as np

        probabilities = np.zeros((len(rows), len(self.classes)))  # stays 0 for a class that the model has not seen
        probabilities[:, self.encode(model.classes_).astype(int)] = model.predict_proba(inputs)
        return probabilities[:, 1] if self.target.kind == "boolean" else probabilities

    def explain(self, model: "Any") -> "pd.Series | None":
        """Return a series with the importance of each feature. By default, return None.

        The notebook 02_train shows the importances. Name the series after the quantity that it contains: "weight".
        """
        return None

    def export(self, model: "Any", folder: Path) -> None:
        """Write additional files of the model, such as its weights for the scoring script. By default, write none."""

    @cached_property
    def folder(self) -> Path:
        """The folder of the package that declares the problem."""
        return Path(inspect.getfile(type(self))).parent

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The names of the columns that are inputs of the model."""
        return tuple(column.name for column in self.feature_columns)

    @cached_property
    def feature_columns(self) -> tuple[Column, ...]:
        """The columns that are inputs of the model."""
        return tuple(column for column in self.columns if column.role == "feature")

    @cached_property
    def target(self) -> Column:
        """The column that the model predicts."""
        return next(column for column in self.columns if column.role == "target")

    @cached_property
    def id(self) -> Column | None:
        """The column that distinguishes rows, or None."""
        return next((column for column in self.columns if column.role == "id"), None)

    @cached_property
    def key(self) -> tuple[Column, ...]:
        """The columns that identify a row: the id or, if there is none, all features."""
        return (self.id,) if self.id else self.feature_columns

    @cached_property
    def classes(self) -> tuple[str | bool, ...]:
        """The sorted classes of the target. Empty if the target is a number."""
        if self.target.kind == "boolean":
            return (False, True)
        return tuple(sorted(self.target.allowed))

    @cached_property
    def decisive(self) -> Metric:
        """The metric on which promotions are decided."""
        return next(metric for metric in self.metrics if metric.name == (self.gate or self.metrics[0].name))

    @cached_property
    def example_rows(self) -> list[list[object]]:
        """The examples as rows of values in the order of the features."""
        return [[example[name] for name in self.features] for example in self.examples]

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """The names of the keyword-only parameters of `train`."""
        parameters = inspect.signature(self.train).parameters.values()
        return tuple(parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY)

    @cached_property
    def declaration(self) -> Declaration:
        """The name and metrics of the problem, for the record of a run."""
        shown, least = tuple(map(describe_metric, self.metrics)), (self.smallest_gain, self.smallest_relative_gain)
        return Declaration(self.name, shown, self.decisive.name, *least)

    def encode(self, values: "ArrayLike") -> "NDArray[np.generic]":
        """Convert target values or predictions to the form that metrics need; see `mlops.problem.metrics`.

        Raises
        ------
        ProblemError
            If a value is missing or is not one of the classes, or if a value of a boolean target is a string.
        """
        from mlops.problem.coding import encode_values

        return encode_values(self.target, self.classes, values)

    def score(self, actual: "ArrayLike", predicted: "ArrayLike") -> dict[str, float | None]:
        """Return the value of each metric, by name. A value is None if its metric is undefined for these rows.

        Parameters
        ----------
        actual : array of shape (n,)
            Values of the target.
        predicted : array of shape (n,) or (n, classes)
            The predictions that `predict` returned.
        """
        pair = self.encode(actual), self.encode(predicted)
        return {metric.name: metric.measure(*pair) for metric in self.metrics}

    def summarize(self, scores: Mapping[str, float | None]) -> str:
        """Return the value of the main metric as text, with its name and unit: "mean absolute error 47.6 points"."""
        shown = self.metrics[0]
        return f"{shown.title} {shown.show(scores.get(shown.name))}"
