"""The prediction problem of this project: the progression of diabetes one year after ten measurements."""

# Every command imports this package, so numpy, pandas and scikit-learn are imported only in the methods that need them.

from pathlib import Path
from typing import TYPE_CHECKING

from mlops.problem import Column, Problem, metrics

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

FEATURES = ("AGE", "SEX", "BMI", "BP", "S1", "S2", "S3", "S4", "S5", "S6")
UNIT = "points of disease progression"  # the unit of the target


class Diabetes(Problem):
    """442 patients with ten baseline measurements each, and their disease progression one year later."""

    name = "diabetes"
    # The limits are ten standard deviations. The squares of a feature sum to 1 over 442 rows, so a standard deviation
    # is 0.048. The service does not check the limits, because the smoke test of the reference implementation sends
    # values from 1 to 10.
    columns = (
        *(Column(name, minimum=-0.5, maximum=0.5, checked_in_service=False) for name in FEATURES),
        Column("Y", role="target", minimum=0.0, maximum=500.0, title="disease progression", unit=UNIT),
    )
    metrics = (
        metrics.mean_absolute_error("mae", unit=UNIT),
        metrics.mean_squared_error("mse", unit=f"squared {UNIT}"),
        metrics.r2_score("r2"),
    )
    gate = "mse"
    segments = ("SEX", "BMI")
    # The two rows that the smoke test of the reference implementation sends.
    examples = tuple(dict(zip(FEATURES, map(float, row), strict=True)) for row in (range(1, 11), range(10, 0, -1)))

    def load_sample(self) -> "pd.DataFrame":
        """Return scikit-learn's diabetes data with this project's column names."""
        from diabetes.data import load_sample

        return load_sample([column.name for column in self.columns])

    def train(self, rows: "pd.DataFrame", *, alpha: float) -> "Pipeline":
        """Return a fitted ridge regression. Its penalty `alpha` is 0 or more; 0 means ordinary least squares."""
        from diabetes.model import train_model

        return train_model(self.prepare(rows), rows[self.target.name], alpha)

    def explain(self, model: "Pipeline") -> "pd.Series":
        """Return the features' weights. They can be compared, because all features have the same scale."""
        from diabetes.model import list_weights

        return list_weights(model, self.features)

    def export(self, model: "Pipeline", folder: Path) -> None:
        """Write the weights to ``model.json``, so that ``score.py`` can predict without scikit-learn."""
        from diabetes.model import export_numbers

        (folder / "model.json").write_text(export_numbers(model, self.features), encoding="utf-8")


problem = Diabetes()
