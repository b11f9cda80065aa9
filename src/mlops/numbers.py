"""Numbers in the form that people read."""

import math


def format_number(value: object) -> str:
    """Format a number with three significant digits, an integer with all its digits, and anything else as a dash.

    Examples
    --------
    >>> [format_number(value) for value in (2974.871, 47.0627, 0.482899, 1.5e-7, 442)]
    ['2,970', '47.1', '0.483', '1.5e-07', '442']
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "–"
    rounded = float(f"{value:.3g}") + 0.0  # -0.0 becomes 0.0
    if isinstance(value, int):
        return f"{value:,}"
    if rounded and abs(rounded) < 0.001:
        return f"{rounded:g}"
    decimals = 2 - math.floor(math.log10(abs(rounded))) if rounded else 0
    return f"{rounded:,.{max(0, decimals)}f}"
