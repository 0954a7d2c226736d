r"""Sums of many numbers, and what is left of them without one: exact to twice a double's digits.

Add here what must not depend on the order of its terms, or cancels; avoid statistics.

A sum is kept as two doubles (high, low). What is compared by ranks must not differ by rounding: the
mean of the others is the same in two rounds if and only if it is.

Reference:
    Dekker, T. J. (1971): A floating-point technique for extending the available precision.
    Numerische Mathematik 18, 224-242. Knuth, D. E. (1998): The Art of Computer Programming 2,
    section 4.2.2.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SPLIT = 2.0**27 + 1


def exact_sum(values: Iterable[float]) -> float:
    """The sum, rounded once; NaN where it leaves what a double holds."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return math.nan


def row_means(rows: Array) -> Array:
    """The mean of each row's numbers that are not NaN; NaN of none. Order plays no part."""
    return np.array([_mean(row[~np.isnan(row)].tolist()) for row in rows], dtype=np.float64)


def _mean(values: Sequence[float]) -> float:
    return exact_sum(values) / len(values) if values else math.nan


def sums_of_columns(rows: Array) -> tuple[Array, Array]:
    """The sum of each column's numbers that are not NaN, as (high, low)."""
    high, low = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    for t, column in enumerate(np.where(np.isnan(rows), 0.0, rows).T.tolist()):
        high[t] = math.fsum(column)
        low[t] = math.fsum([*column, -high[t]])
    return high, low


def without(high: Array, low: Array, values: Array) -> Array:
    """Sums less a value each.

    >>> high, low = sums_of_columns(np.array([[0.1], [0.2], [0.1]]))
    >>> float(without(high, low, np.array([0.2]))[0] / 2)
    0.1
    """
    total, lost = _two_sum(high, -values)
    return total + (lost + low)


def times_less(count: Array, values: Array, high: Array, low: Array) -> Array:
    """``count * values - (high + low)``, for whole counts below 2^26."""
    scaled = _SPLIT * values
    upper = scaled - (scaled - values)
    product = count * values
    rest = (count * upper - product) + count * (values - upper)
    difference, lost = _two_sum(product, -high)
    return difference + (lost + (rest - low))


def _two_sum(one: Array, other: Array) -> tuple[Array, Array]:
    """The rounded sum, and exactly what rounding took from it."""
    total = one + other
    second = total - one
    return total, (one - (total - second)) + (other - second)
