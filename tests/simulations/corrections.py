"""Corrections for many tests: Bonferroni, Holm, and resampling, each with one rank test a column."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from drawn_tables import draw_table
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from simulations.cases import Case

ROWS = 442  # of the reference and of the table
RATE = 0.05
RESAMPLES = 199  # so that a limit at the tenth largest has a rate of exactly 5 %
CORRECTIONS = ("Bonferroni", "Holm", "resampling")
TABLES = {"normal": "independent", "correlated": "correlated"}

Scores = NDArray[np.float64]


def count_found(rng: np.random.Generator, rounds: int, family: str, correction: str, shifted: int) -> int:
    """Count the tables in which the first column is found to be shifted, of which `shifted` columns are.

    Without a shifted column, count the tables in which any column is found.
    """
    found = 0
    for _ in range(rounds):
        tables = (np.array(list(draw_table(rng, family, ROWS).values())) for _ in range(2))
        reference, current = tables
        current[:shifted] += 0.3 * current[:shifted].std(axis=1, keepdims=True)
        drifted = find_drifted(rng, np.hstack([reference, current]), correction)
        found += int(drifted[0] if shifted else drifted.any())
    return found


def find_drifted(rng: np.random.Generator, both: Scores, correction: str) -> NDArray[np.bool_]:
    """Return which columns drifted. The first half of the values of each column are those of the reference."""
    ranks = rankdata(both, axis=1)
    ranks = (ranks - ranks.mean(axis=1, keepdims=True)) / (ranks.std(axis=1, keepdims=True) * (2 * ROWS) ** 0.5 / 2)
    scores = np.abs(ranks[:, ROWS:].sum(axis=1))
    if correction == "Bonferroni":
        return np.asarray(scores > norm.isf(RATE / len(scores) / 2))
    resampled = _resample(rng, ranks) if correction == "resampling" else None
    drifted = np.zeros(len(scores), dtype=bool)
    for place in np.argsort(-scores):  # the strongest first; each drift that is found leaves its share to the others
        if scores[place] <= _choose_limit(~drifted, resampled):
            break
        drifted[place] = True
    return drifted


def _resample(rng: np.random.Generator, ranks: Scores) -> Scores:
    """Return the scores of tables whose rows are drawn at random from both tables."""
    signs = np.repeat([0.0, 1.0], ROWS)
    chosen = rng.permuted(np.tile(signs, (RESAMPLES, 1)), axis=1)
    return np.abs(np.einsum("cr,sr->cs", ranks, chosen))  # a matrix product would start threads


def _choose_limit(left: NDArray[np.bool_], resampled: Scores | None) -> float:
    if resampled is None:
        return float(norm.isf(RATE / left.sum() / 2))
    return float(np.quantile(resampled[left].max(axis=0), 1 - RATE, method="higher"))


def list_corrections() -> Iterator[Case]:
    """Yield the cases of the table "corrections"."""
    for family, kind in TABLES.items():
        for shifted, event in {0: "false alarms", 1: "one shifted column", 5: "five shifted columns"}.items():
            for correction in CORRECTIONS:
                simulate = partial(count_found, family=family, correction=correction, shifted=shifted)
                name = f"{event}, {kind} columns, {correction}"
                yield Case("corrections", name, 1000, simulate, most=0.05 if not shifted else 1.0)
