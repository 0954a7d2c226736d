r"""Statistics of many scores, from sums that are added up bucket by bucket.

Add a statistic here when a leaderboard column needs it and sums can give it; avoid windows and
models (``model_score``).

Symbols: a bucket b holds :math:`n_b` values v with total :math:`t_b = \sum v` and squares
:math:`s_b = \sum (v - t_b / n_b)^2`. Whatever has no value is NaN, never 0.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

VOLATILITY_FLOOR = 1e-6
"""Least volatility that :func:`sharpe_like` divides by, as in the original."""
NO_VARIATION = 1e-6
"""Volatility relative to the mean below which its digits are those of rounding: means of buckets
are known to 1e-16 of their size, so what varies by less is not known to 1e-9 of itself."""


def combine_squares(n: ArrayLike, total: ArrayLike, squares: ArrayLike) -> Array:
    r"""Sum of squared deviations from the common mean of all buckets on the last axis.

    .. math:: S = \sum_b s_b + \sum_b n_b \left(\frac{t_b}{n_b} - \frac{T}{N}\right)^2

    Reference:
        Chan, T. F., Golub, G. H. and LeVeque, R. J. (1979): Updating formulae and a pairwise
        algorithm for computing sample variances. Stanford STAN-CS-79-773.

    >>> float(combine_squares([2, 2], [3.0, 7.0], [0.5, 0.5]))  # the values 1, 2, 3, 4
    5.0
    """
    n, total = np.asarray(n, dtype=np.float64), np.asarray(total, dtype=np.float64)
    count = n.sum(axis=-1, keepdims=True)
    centre = total.sum(axis=-1, keepdims=True) / np.maximum(count, 1)
    between = n * (total / np.maximum(n, 1) - centre) ** 2
    return np.asarray(np.asarray(squares, dtype=np.float64).sum(axis=-1) + between.sum(axis=-1))


def mean(n: ArrayLike, total: ArrayLike) -> Array:
    """Arithmetic mean, total / n; NaN without values.

    >>> mean([4, 0], [10.0, 0.0]).tolist()
    [2.5, nan]
    """
    n = np.asarray(n, dtype=np.float64)
    return np.where(n > 0, np.asarray(total, dtype=np.float64) / np.maximum(n, 1), np.nan)


def volatility(n: ArrayLike, squares: ArrayLike) -> Array:
    """Population standard deviation, sqrt(squares / n); NaN below two values.

    One value says nothing about variation (the original called that 0).

    >>> volatility([4, 1], [5.0, 0.0]).round(4).tolist()
    [1.118, nan]
    """
    n = np.asarray(n, dtype=np.float64)
    spread = np.sqrt(np.asarray(squares, dtype=np.float64) / np.maximum(n, 1))
    return np.where(n > 1, spread, np.nan)


def sharpe_like(average: ArrayLike, deviation: ArrayLike) -> Array:
    """Mean over volatility, per score and without annualising.

    NaN where nothing varies but by ``NO_VARIATION``: a ratio to that is no evidence of skill, and
    the original's floor alone made three equal gains of one per cent worth 10,000. Where values
    do vary, the floor of 1e-6 keeps minute positions from exploding.

    Reference:
        Sharpe, W. F. (1994): The Sharpe ratio. Journal of Portfolio Management 21, 49-58.

    >>> sharpe_like([0.01, 0.01, -0.02], [0.02, 0.0, 0.01]).tolist()
    [0.5, nan, -2.0]
    """
    average = np.asarray(average, dtype=np.float64)
    deviation = np.asarray(deviation, dtype=np.float64)
    varies = deviation > NO_VARIATION * np.abs(average)
    return np.where(varies, average / np.maximum(deviation, VOLATILITY_FLOOR), np.nan)


def wealth(n: ArrayLike, log_wealth: ArrayLike, n_ruin: ArrayLike) -> Array:
    """What 1 becomes when every value is a return put to work again: product of (1 + v).

    Args:
        n: number of values.
        log_wealth: sum of log(1 + v) over v > -1.
        n_ruin: number of v <= -1; one of them leaves nothing.

    NaN without values, and where the product exceeds what a double holds (values that are no
    returns).

    >>> wealth([2, 3, 0], [0.0, 1.0, 0.0], [0, 1, 0]).tolist()
    [1.0, 0.0, nan]
    """
    log_wealth = np.asarray(log_wealth, dtype=np.float64)
    representable = np.where(log_wealth < np.log(np.finfo(np.float64).max), log_wealth, np.nan)
    solvent = np.where(np.asarray(n_ruin) > 0, 0.0, np.exp(representable))
    return np.where(np.asarray(n) > 0, solvent, np.nan)


def hit_rate(n: ArrayLike, n_positive: ArrayLike) -> Array:
    """Share of values above 0; NaN without values.

    >>> hit_rate([4, 0], [1, 0]).tolist()
    [0.25, nan]
    """
    return mean(n, n_positive)
