"""A prediction problem: whether a breast tumour is malignant, from thirty measurements of its cell nuclei."""

# Every command imports this package, so numpy, pandas and scikit-learn are imported only in the methods that need them.

from typing import TYPE_CHECKING

from mlops.problem import Column, Problem, metrics

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

SIZES = {  # the largest plausible value of each measurement
    "radius": 60,
    "texture": 80,
    "perimeter": 400,
    "area": 8000,
    "smoothness": 0.5,
    "compactness": 2,
    "concavity": 2,
    "concave points": 1,
    "symmetry": 1,
    "fractal dimension": 0.5,
}
FEATURES = (
    *(f"mean {size}" for size in SIZES),
    *(f"{size} error" for size in SIZES),
    *(f"worst {size}" for size in SIZES),
)


class Cancer(Problem):
    """569 tumours with thirty measurements each. Promotions are decided on the area under the ROC curve."""

    name = "cancer"
    columns = (
        *(Column(name, minimum=0, maximum=high) for name, high in zip(FEATURES, (*SIZES.values(),) * 3, strict=True)),
        Column("malignant", kind="boolean", role="target", title="malignant tumour"),
    )
    metrics = (metrics.roc_auc_score("auc"), metrics.log_loss(), metrics.accuracy_score("accuracy"))
    plots = ("roc", "calibration", "confusion", "importances")
    # A small tumour and a large tumour.
    examples = (
        {name: SIZES[size] / 10 for name, size in zip(FEATURES, (*SIZES,) * 3, strict=True)},
        {name: SIZES[size] / 2 for name, size in zip(FEATURES, (*SIZES,) * 3, strict=True)},
    )

    def load_sample(self) -> "pd.DataFrame":
        """Return scikit-learn's breast cancer data."""
        from cancer.data import load_sample

        return load_sample(self.target.name)

    def train(self, rows: "pd.DataFrame", *, inverse_penalty: float, components: int) -> "Pipeline":
        """Fit a logistic regression on the principal components of the standardized measurements.

        `inverse_penalty` is above 0; a smaller value is a stronger penalty. `components` is a number from 1 to 30.
        """
        from cancer.model import train_model

        return train_model(rows[list(self.features)], rows[self.target.name], inverse_penalty, components)

    def explain(self, model: "Pipeline") -> "pd.Series":
        """Return the weights of the standardized measurements."""
        from cancer.model import list_weights

        return list_weights(model)


problem = Cancer()
