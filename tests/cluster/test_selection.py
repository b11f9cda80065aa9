"""Exact quantiles from parts: the same edges as from all values together."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from mlops.cluster.selection import EVERYTHING, begin_search, outline
from mlops.data.profile import choose_edges

RNG = np.random.default_rng(0)
VALUES = {
    "normal": RNG.normal(size=5000),
    "few": RNG.integers(0, 3, 5000),
    "one": np.full(5000, 7.0),
    "heavy": np.where(RNG.random(5000) < 0.9, 0.0, RNG.normal(size=5000)),
    "two heavy": np.r_[np.zeros(2000), RNG.uniform(0, 1, 1000), np.ones(2000)],
    "sorted": np.arange(5000.0),
    "neighbours": 1.0 + np.finfo(float).eps * np.arange(5000),
    "large": RNG.choice([-1.7e308, 1.0, 1.7e308], 5000),
    "small": RNG.normal(size=7),
    "empty": np.empty(0),
}


def search(parts: list[np.ndarray], most: int) -> tuple[tuple[float, ...], int]:
    """Return the edges of a column, and the number of rounds."""
    ordered = [np.sort(part.astype(float)) for part in parts]
    found, rounds = begin_search([outline(part, EVERYTHING, most) for part in ordered]), 1
    while windows := found.list_windows():
        found = found.narrow([{window: outline(part, window, most) for window in windows} for part in ordered])
        rounds += 1
    return found.place_edges(), rounds


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("most", [8, 100, 10_000])
@pytest.mark.parametrize("cuts", [[], [0, 1, 1], [100, 2500, 4999]], ids=["one", "empty parts", "uneven"])
@pytest.mark.parametrize("name", VALUES)
def test_the_edges_are_those_of_all_values(name: str, cuts: list[int], most: int) -> None:
    values = VALUES[name]
    places = [0, *(min(cut, len(values)) for cut in cuts), len(values)]
    edges, rounds = search([values[start:stop] for start, stop in pairwise(places)], most)
    assert edges == choose_edges(pd.Series(values))
    assert rounds <= {8: 16, 100: 4, 10_000: 1}[most]


def test_a_million_values_take_three_rounds_of_256_points() -> None:
    values = np.random.default_rng(1).lognormal(size=1_000_000)
    edges, rounds = search(np.split(values, 4), 256)
    assert (edges, rounds) == (choose_edges(pd.Series(values)), 3)


def test_edges_are_those_of_numpys_quantiles() -> None:
    """Ranks are chosen with the arithmetic of numpy, so reference profiles of earlier versions keep their edges."""
    for count in (*range(1, 130), *range(130, 20_000, 211)):
        values = np.arange(float(count))
        inner = np.quantile(values, np.linspace(0, 1, 21)[1:-1], method="lower")
        below = np.unique(inner[inner < count - 1])
        assert list(choose_edges(pd.Series(values))[1:-1]) == list(below + 0.5)
