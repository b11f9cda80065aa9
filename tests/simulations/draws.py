"""Random rows of two models: their gains on each row, or their predictions."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Shape = tuple[int, ...]


def draw_errors(rng: np.random.Generator, shape: Shape, kind: str) -> Floats:
    """Return standard errors of a model: "normal" or "t5"."""
    return rng.normal(size=shape) if kind == "normal" else rng.standard_t(5, shape)


def draw_square_gains(rng: np.random.Generator, shape: Shape, kind: str) -> Floats:
    """Return the gains in the squared error of two equal models that share most of their error."""
    shared = draw_errors(rng, shape, kind)
    champion, challenger = (shared + 0.2 * draw_errors(rng, shape, kind) for _ in range(2))
    return champion**2 - challenger**2


def draw_skewed_gains(rng: np.random.Generator, shape: Shape, sigma: float, better: float = 0.0) -> Floats:
    """Return the gains of models where the challenger has rare large losses: a mirrored lognormal.

    The models are equal unless the challenger is `better` by a number of standard deviations.
    """
    mean = np.exp(sigma**2 / 2)
    return mean * (1 + better * np.sqrt(np.expm1(sigma**2))) - rng.lognormal(sigma=sigma, size=shape)


def draw_gamma_gains(rng: np.random.Generator, shape: Shape, skewness: float, better: float = 0.0) -> Floats:
    """Return the gains of models with a given skewness toward losses: a mirrored gamma distribution.

    The models are equal unless the challenger is `better` by a number of standard deviations.
    """
    size = 4 / skewness**2
    return size + better * np.sqrt(size) - rng.gamma(size, size=shape)


def draw_binary_gains(rng: np.random.Generator, shape: Shape, share: float, better: float = 0.0) -> Floats:
    """Return gains of two values: the challenger is a little better, but worse on a share of the rows.

    The models are equal unless the challenger is `better` by a number of standard deviations.
    """
    return share - (rng.random(shape) < share) + better * np.sqrt(share * (1 - share))


def draw_repeated_gains(rng: np.random.Generator, shape: Shape, times: int) -> Floats:
    """Return the gains of equal models on rows that are not independent: each gain occurs a number of `times`."""
    gains = draw_square_gains(rng, (shape[0], -(-shape[1] // times)), "normal")
    return np.repeat(gains, times, axis=1)[:, : shape[1]]


def draw_catastrophes(rng: np.random.Generator, shape: Shape, share: float) -> Floats:
    """Return the gains of equal models where the challenger is better but for a share of catastrophic rows."""
    rare = rng.random(shape) < share
    return np.where(rare, -(1 - share) / share, 1.0) + 0.5 * rng.normal(size=shape)
