"""A prediction problem: whether a customer cancels a subscription, from a table with text, missing values and dates."""

# Every command imports this package, so numpy, pandas and scikit-learn are imported only in the methods that need them.

from datetime import date
from typing import TYPE_CHECKING

from churn.trusted import TRUSTED_TYPES
from mlops.problem import Column, Problem, metrics

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

BEGAN, ENDED = date(2018, 1, 1), date(2026, 1, 31)  # the range of the days on which customers joined or paid


class Churn(Problem):
    """1,500 synthetic customers. Promotions are decided on the log loss."""

    name = "churn"
    columns = (
        Column("customer", kind="id"),
        Column("plan", kind="category", allowed=("basic", "family", "plus")),
        Column("region", kind="category", max_missing=0.15),
        Column("fee", minimum=0, maximum=200, unit="euros a month"),
        Column("calls", minimum=0, maximum=60, max_missing=0.15, title="calls to the support"),
        Column("paperless", kind="boolean", max_missing=0.1),
        Column("joined", kind="date", minimum=BEGAN, maximum=ENDED),
        Column("paid", kind="date", minimum=BEGAN, maximum=ENDED, max_missing=0.1, title="last payment"),
        Column("remark", kind="category", role="ignored", max_missing=1.0),
        Column("churned", kind="boolean", role="target", title="cancelled subscription"),
    )
    metrics = (metrics.roc_auc_score("auc"), metrics.log_loss(), metrics.f1_score("f1"))
    gate = "log_loss"
    segments = ("plan", "region", "calls", "paperless")
    examples = (
        {
            "plan": "basic",
            "region": "north",
            "fee": 20.0,
            "calls": 9.0,
            "paperless": True,
            "joined": date(2025, 6, 1),
            "paid": date(2025, 9, 1),
        },
        {
            "plan": "family",
            "region": None,
            "fee": 60.0,
            "calls": None,
            "paperless": False,
            "joined": date(2019, 3, 15),
            "paid": date(2026, 1, 5),
        },
    )
    trusted_types = TRUSTED_TYPES
    image_files = ("features.py", "trusted.py")

    def load_sample(self) -> "pd.DataFrame":
        """Return synthetic customers. Each call returns the same customers."""
        from churn.data import make_customers

        return make_customers(1500, seed=0)

    def prepare(self, rows: "pd.DataFrame") -> "pd.DataFrame":
        """Return the features that `churn.features` computes."""
        from churn.features import compute_features

        return compute_features(rows)

    def train(self, rows: "pd.DataFrame", *, trees: int, learning_rate: float, depth: int, seed: int) -> "Pipeline":
        """Fit gradient boosting.

        `trees` and `depth` are whole numbers, 1 or more. `learning_rate` is above 0. `seed` is the seed of the trees.
        """
        from churn.model import train_model

        return train_model(self.prepare(rows), rows[self.target.name], trees, learning_rate, depth, seed)

    def explain(self, model: "Pipeline") -> "pd.Series":
        """Return the share of each computed feature in the gains of the trees."""
        from churn.model import list_importances

        return list_importances(model)


problem = Churn()
