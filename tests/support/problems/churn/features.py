"""The features of the model, computed from a customer's columns. The training and the service both use them."""

import numpy as np
import pandas as pd

TEXTS = ("plan", "region")
NUMBERS = ("fee", "calls", "paperless", "days_as_customer", "days_since_payment")
TODAY = pd.Timestamp("2026-01-31")  # the day on which the customers were recorded


def compute_features(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the features of customers. A missing value is NaN."""
    texts = {name: rows[name].astype("object").where(rows[name].notna(), np.nan) for name in TEXTS}
    return pd.DataFrame(
        {
            **texts,
            "fee": rows["fee"].astype("float64"),
            "calls": rows["calls"].astype("float64"),
            "paperless": rows["paperless"].astype("float64"),
            "days_as_customer": _count_days(rows["joined"]),
            "days_since_payment": _count_days(rows["paid"]),
        },
        index=rows.index,
    )


def _count_days(dates: pd.Series) -> pd.Series:
    return (TODAY - pd.to_datetime(dates)).dt.days.astype("float64")
