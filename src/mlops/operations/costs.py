"""The monthly costs of a platform: the quantities that it bills, multiplied by the prices in the user's file."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.errors import ParameterError
from mlops.parameters.layers import read_mapping
from mlops.platform.billing import Billable

KEYS = ("currency", "prices")


@dataclass(frozen=True)
class Prices:
    """The content of a price file: the currency, and the unit prices by name."""

    currency: str
    prices: Mapping[str, float]


@dataclass(frozen=True)
class Cost:
    """The cost of one billed quantity. `amount` is None if the price is unknown."""

    item: str
    quantity: float
    unit: str
    formula: str
    price: str
    unit_price: float | None = None
    amount: float | None = None


@dataclass(frozen=True)
class Estimate:
    """The costs of a month.

    `total` is the sum of the known costs. `missing` has the names of unknown prices, and `unused` the names of prices
    that were not needed.
    """

    currency: str
    lines: tuple[Cost, ...]
    total: float
    missing: tuple[str, ...]
    unused: tuple[str, ...]


NO_PRICES = Prices("", {})


def read_prices(path: Path) -> Prices:
    """Read a file of prices.

    Parameters
    ----------
    path : Path
        A YAML file with ``currency: EUR``, and with one ``name: number`` per line below ``prices:``.

    Raises
    ------
    ParameterError
        If the file is not YAML, if a key is unknown or repeated, or if a price is not a finite number that is 0 or
        more.
    """
    content = read_mapping(path, str(path))
    for key in content:
        if key not in KEYS:
            raise ParameterError(f"{path}: unknown key {key!r}. Allowed: {', '.join(KEYS)}.")
    currency, prices = content.get("currency"), content.get("prices")
    if not isinstance(currency, str) or not currency:
        raise ParameterError(f"{path}: currency is {currency!r}, but it must be a text such as EUR.")
    if not isinstance(prices, dict):
        raise ParameterError(
            f"{path}: prices is {prices!r}, but it must be a mapping. Write `name: number` lines below it."
        )
    return Prices(currency, {str(name): _check_price(path, name, price) for name, price in prices.items()})


def _check_price(path: Path, name: object, price: Any) -> float:
    if isinstance(price, bool) or not isinstance(price, int | float) or not math.isfinite(price) or price < 0:
        raise ParameterError(f"{path}: prices.{name} is {price!r}, but it must be a number that is 0 or more.")
    return float(price)


def estimate_costs(billable: Sequence[Billable], prices: Prices = NO_PRICES) -> Estimate:
    """Return the costs of a month: the billable quantities, multiplied by their prices.

    Parameters
    ----------
    billable : sequence of Billable
        The billable quantities of a month.
    prices : Prices
        The price of each unit.
    """
    lines = tuple(_price(item, prices) for item in billable)
    asked = dict.fromkeys(item.price for item in billable)
    return Estimate(
        prices.currency,
        lines,
        math.fsum(line.amount or 0.0 for line in lines),
        tuple(name for name in asked if name not in prices.prices),
        tuple(name for name in prices.prices if name not in asked),
    )


def _price(item: Billable, prices: Prices) -> Cost:
    unit_price = prices.prices.get(item.price)
    amount = None if unit_price is None else item.quantity * unit_price
    return Cost(item.item, item.quantity, item.unit, item.formula, item.price, unit_price, amount)
