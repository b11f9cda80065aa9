"""A prediction problem without a scoring script: standardized measurements, and a ridge regression."""

from typing import TYPE_CHECKING

from mlops.problem import Column, Problem, metrics

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

FEATURES = ("AGE", "SEX", "BMI", "BP", "S1", "S2", "S3", "S4", "S5", "S6")


class Ridge(Problem):
    """442 patients of scikit-learn's diabetes data, with the measurements in their own units."""

    name = "ridge"
    columns = (
        *(Column(name, minimum=0.0, maximum=500.0) for name in FEATURES),
        Column("Y", role="target", minimum=0.0, maximum=500.0, title="disease progression"),
    )
    metrics = (metrics.mean_squared_error("mse"),)
    gate = "mse"
    examples = (dict(zip(FEATURES, (59.0, 2.0, 32.1, 101.0, 157.0, 93.2, 38.0, 4.0, 4.86, 87.0), strict=True)),)

    def load_sample(self) -> "pd.DataFrame":
        """Return scikit-learn's diabetes data with the column names of this problem."""
        from sklearn.datasets import load_diabetes

        frame = load_diabetes(as_frame=True, scaled=False).frame
        return frame.set_axis([column.name for column in self.columns], axis="columns").astype(float)

    def train(self, rows: "pd.DataFrame", *, alpha: float) -> "Pipeline":
        """Fit a ridge regression with the penalty `alpha`, which is 0 or more."""
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), Ridge(alpha=alpha)).fit(self.prepare(rows), rows[self.target.name])


problem = Ridge()
