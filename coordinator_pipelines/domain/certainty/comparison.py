r"""Two models against each other: is one better, by how much, and which rounds decide.

Add here what is told of a pair; avoid many models at once (``ranks``, ``confidence_set``).

Reference:
    Diebold, F. X. and Mariano, R. S. (1995): Comparing predictive accuracy. Journal of Business
    and Economic Statistics 13, 253-263. Harvey, D., Leybourne, S. and Newbold, P. (1997): Testing
    the equality of prediction mean squared errors. International Journal of Forecasting 13,
    281-291.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coordinator_pipelines.domain.certainty.blocks import block_length
from coordinator_pipelines.domain.certainty.bootstrap import Bootstrap

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DieboldMariano:
    """The test that two models do equally well. Positive: the first scores more."""

    statistic: float
    p_value: float
    lag: int
    """Autocovariances that enter the variance: one less than the overlap of horizons."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A bootstrap interval of a mean, and the blocks it comes from."""

    low: float
    high: float
    block_rounds: int


def diebold_mariano(differences: Array, overlap: int) -> DieboldMariano | None:
    """Of the differences of two models' scores, round by round; None where nothing varies.

    The variance sums the autocovariances below the overlap with equal weights; should that not be
    positive, with weights that fall (Bartlett), which is. The statistic is corrected for small
    samples and compared with Student's distribution.
    """
    n = len(differences)
    if n < 2 or overlap >= n or np.ptp(differences) == 0:
        return None
    off = differences - differences.mean()
    covariances = np.array([off[lag:] @ off[: n - lag] / n for lag in range(overlap)])
    variance = covariances[0] + 2 * covariances[1:].sum()
    if variance <= 0:
        variance = covariances[0] + 2 * ((1 - np.arange(1, overlap) / overlap) @ covariances[1:])
    h = overlap
    correction = (n + 1 - 2 * h + h * (h - 1) / n) / n
    if variance <= 0 or correction <= 0:
        return None
    from scipy.special import stdtr  # noqa: PLC0415  a quarter of a second to import

    statistic = float(differences.mean() / math.sqrt(variance / n) * math.sqrt(correction))
    return DieboldMariano(statistic, float(2 * stdtr(n - 1, -abs(statistic))), h - 1)


def mean_interval(
    differences: Array, overlap: int, *, level: float, draws: int, seed: int
) -> Interval | None:
    """The block bootstrap's interval of their mean; None where rounds are too few."""
    n = len(differences)
    column = (differences - differences.mean())[:, None] / n if n else differences[:, None]
    length = block_length(column, overlap)
    bootstrap = Bootstrap(n, length, draws, seed)
    if not bootstrap.is_possible:
        return None
    low, high = bootstrap.intervals(differences.mean(keepdims=True), column, level)
    return Interval(float(low[0]), float(high[0]), length)


def deciding_rounds(differences: Array) -> NDArray[np.int64]:
    """The fewest rounds without which the better model would not be: the largest ones first.

    Empty if neither is better.
    """
    total = float(differences.sum())
    if total == 0:
        return np.empty(0, dtype=np.int64)
    signed = differences * math.copysign(1.0, total)
    order = np.argsort(-signed, kind="stable")
    left = abs(total) - np.cumsum(signed[order])
    nothing = 1e-12 * float(np.abs(differences).sum())  # what rounding leaves of nothing
    return order[: int(np.argmax(left <= nothing)) + 1]
