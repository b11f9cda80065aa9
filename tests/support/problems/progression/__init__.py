"""A prediction problem: the progression of diabetes one year after ten measurements."""

# The package is not called `diabetes`, because the project's own problem has this name, and both can be imported.

import json
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.problem import Column, Problem, metrics

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

FEATURES = ("AGE", "SEX", "BMI", "BP", "S1", "S2", "S3", "S4", "S5", "S6")
UNIT = "points of disease progression"


class Diabetes(Problem):
    """442 patients of scikit-learn's diabetes data. A ridge regression predicts their disease progression."""

    name = "diabetes"
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
    examples = tuple(dict(zip(FEATURES, map(float, row), strict=True)) for row in (range(1, 11), range(10, 0, -1)))

    def load_sample(self) -> "pd.DataFrame":
        """Return scikit-learn's diabetes data with the column names of this problem."""
        from sklearn.datasets import load_diabetes

        return load_diabetes(as_frame=True).frame.set_axis([column.name for column in self.columns], axis="columns")

    def train(self, rows: "pd.DataFrame", *, alpha: float) -> "Pipeline":
        """Fit a ridge regression with the penalty `alpha`, which is 0 or more."""
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline

        return make_pipeline(Ridge(alpha=alpha)).fit(self.prepare(rows), rows[self.target.name])

    def explain(self, model: "Pipeline") -> "pd.Series":
        """Return the weights of the features."""
        import pandas as pd

        return pd.Series(model[-1].coef_, index=list(self.features), name="weight")

    def export(self, model: "Pipeline", folder: Path) -> None:
        """Write the numbers that the scoring script needs, in the format of the models in the old homes."""
        numbers = {"coefficients": model[-1].coef_.tolist(), "intercept": float(model[-1].intercept_)}
        (folder / "model.json").write_text(json.dumps(numbers), encoding="utf-8")


problem = Diabetes()
