"""Synthetic customers. The same seed gives the same customers."""

import numpy as np
import pandas as pd

PLANS, REGIONS = ("basic", "plus", "family"), ("north", "south", "east", "west")
TODAY = np.datetime64("2026-01-31")


def make_customers(number: int, seed: int) -> pd.DataFrame:
    """Return customers with text, missing values and dates, and whether they cancelled."""
    rng = np.random.default_rng(seed)
    plan, region = rng.choice(3, number, p=(0.5, 0.3, 0.2)), rng.choice(4, number)
    calls, paperless = rng.poisson(3, number), rng.random(number) < 0.6
    tenure, overdue = rng.integers(100, 2900, number), rng.integers(0, 100, number)
    score = -2.5 + 0.5 * calls - 0.6 * plan - 0.0008 * tenure + 0.03 * overdue + 1.5 * ((region == 2) & ~paperless)
    customers = pd.DataFrame(
        {
            "customer": [f"C-{name:06d}" for name in rng.permutation(10**6)[:number]],
            "plan": np.array(PLANS, dtype=object)[plan],
            "region": np.array(REGIONS, dtype=object)[region],
            "fee": (20 + 20 * plan + rng.normal(0, 2, number)).round(2),
            "calls": calls.astype(float),
            "paperless": paperless.astype(object),
            "joined": (TODAY - tenure.astype("timedelta64[D]")).astype("datetime64[ns]"),
            "paid": (TODAY - overdue.astype("timedelta64[D]")).astype("datetime64[ns]"),
            "remark": np.where(rng.random(number) < 0.1, 'asked for a discount; "too dear", she said', None),
            "churned": rng.random(number) < 1 / (1 + np.exp(-score)),
        }
    )
    for name, share in {"region": 0.05, "calls": 0.08, "paperless": 0.03, "paid": 0.03}.items():
        customers.loc[rng.random(number) < share, name] = None
    return customers
