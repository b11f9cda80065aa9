"""A prediction problem without a scoring script: gradient boosting that knows categories and missing values."""

from typing import TYPE_CHECKING

from mlops.problem import Column, Problem, metrics

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

PLANS = ("basic", "family", "plus", "student")
REGIONS = ("east", "north", "south", "west")
TEXTS = ("plan", "region")


class Boosting(Problem):
    """2,000 synthetic customers, with categories and missing values."""

    name = "boosting"
    columns = (
        Column("plan", kind="category", allowed=PLANS),
        Column("region", kind="category", max_missing=0.2),
        Column("fee", minimum=0, maximum=200, max_missing=0.2),
        Column("calls", minimum=0, maximum=60, max_missing=0.2),
        Column("paperless", kind="boolean"),
        Column("months", minimum=0, maximum=600),
        Column("cancelled", kind="boolean", role="target", title="cancelled subscription"),
    )
    metrics = (metrics.log_loss(),)
    gate = "log_loss"
    plots = ("roc",)
    trusted_types = (
        "functools.partial",
        "numpy.dtype",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.utils.validation.check_array",
    )
    examples = (
        {"plan": "basic", "region": "north", "fee": 20.0, "calls": 9.0, "paperless": True, "months": 3.0},
        {"plan": "family", "region": None, "fee": 60.0, "calls": None, "paperless": False, "months": 70.0},
    )

    def load_sample(self) -> "pd.DataFrame":
        """Return synthetic customers. Each call returns the same customers."""
        import numpy as np
        import pandas as pd

        rng, number = np.random.default_rng(0), 2000
        plan, region, calls = rng.integers(4, size=number), rng.integers(4, size=number), rng.poisson(3, number)
        months, paperless = rng.integers(1, 120, number), rng.random(number) < 0.6
        score = 0.4 * calls - 0.02 * months + 1.5 * ((plan == 1) ^ (region == 2)) - 1.2 * paperless
        rows = pd.DataFrame(
            {
                "plan": np.array(PLANS, dtype=object)[plan],
                "region": np.array(REGIONS, dtype=object)[region],
                "fee": (15 + 10 * plan + rng.normal(0, 2, number)).round(2),
                "calls": calls.astype(float),
                "paperless": paperless,
                "months": months.astype(float),
                "cancelled": rng.random(number) < 1 / (1 + np.exp(-score)),
            }
        )
        for name in ("region", "fee", "calls"):
            rows.loc[rng.random(number) < 0.08, name] = None
        return rows

    def train(self, rows: "pd.DataFrame", *, trees: int) -> "Pipeline":
        """Fit gradient boosting. `trees` is the number of trees, 1 or more."""
        import numpy as np
        from sklearn.compose import ColumnTransformer
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OrdinalEncoder

        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
        encoder = ColumnTransformer([("texts", codes, list(TEXTS))], remainder="passthrough")
        boosting = HistGradientBoostingClassifier(max_iter=trees, categorical_features=[0, 1], random_state=0)
        return make_pipeline(encoder, boosting).fit(self.prepare(rows), rows[self.target.name])


problem = Boosting()
