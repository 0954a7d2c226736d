r"""Scores of samples: how far draws from a forecast are from what happened.

Add a rule of draws here; avoid closed forms (``crps``) and what an answer must look like.

Symbols: :math:`x_1 .. x_n` the draws, y what happened. The forecast *is* the distribution that puts
1 / n on each draw, and is scored as such: nothing is assumed of where draws come from.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def crps_samples(samples: ArrayLike, observed: ArrayLike) -> Array:
    r"""CRPS of draws; lower is better.

    .. math::
        C = \frac1n \sum_i |x_i - y| - \frac1{2 n^2} \sum_i \sum_j |x_i - x_j|
          = \frac{2}{n^2} \sum_i \left(1\{y < x_{(i)}\} n - i + \tfrac12\right) (x_{(i)} - y)

    with :math:`x_{(1)} \le .. \le x_{(n)}`. No term of the second form is below 0, so that nothing
    cancels in its sum, as the two of the first may.

    Args:
        samples: x, shape (..., n), in any order.
        observed: y, shape (...).

    Returns:
        Scores in the unit of ``observed``, shape (...), never below 0. One draw is scored by its
        distance. Of n draws from the honest distribution the expected score is worse than that of
        the distribution itself, by 1 / (2 n) of the mean distance of two draws.

    References:
        Laio, F. and Tamea, S. (2007): Verification tools for probabilistic forecasts of continuous
        hydrological variables. Hydrol. Earth Syst. Sci. 11, 1267-1277. Jordan, A., Krueger, F. and
        Lerch, S. (2019): Evaluating probabilistic forecasts with scoringRules. J. Stat. Softw. 90.

    >>> crps_samples([[0.0, 1.0], [2.0, 2.0]], [0.0, 3.0]).tolist()
    [0.25, 1.0]
    """
    x = np.sort(np.asarray(samples, dtype=np.float64), axis=-1)
    n = x.shape[-1]
    distance = x - np.asarray(observed, dtype=np.float64)[..., None]
    weight = np.where(distance > 0, float(n), 0.0) - np.arange(n) - 0.5
    return np.asarray(2 * (weight * distance).sum(axis=-1) / (n * n))


def threshold_weighted(
    values: ArrayLike, above: ArrayLike = -np.inf, below: ArrayLike = np.inf
) -> Array:
    r"""Numbers as a rule of a tail takes them: all of them outside of it are alike.

    .. math:: v(x) = \min(\max(x, a), b)

    The CRPS of v(x) at v(y) is the threshold-weighted CRPS with the weight 1 in [a, b] and 0
    elsewhere, :math:`\int_a^b (F(x) - 1\{x \ge y\})^2 dx`. What is left out is not
    judged: unlike a score of the days on which something extreme happened, it stays proper.

    Args:
        values: draws, quantiles or outcomes.
        above: a, that broadcasts against them.
        below: b.

    References:
        Gneiting, T. and Ranjan, R. (2011): Comparing density forecasts using threshold- and
        quantile-weighted scoring rules. J. Bus. Econ. Stat. 29, 411-422. Allen, S., Ginsbourger,
        D. and Ziegel, J. (2023): Evaluating forecasts for high-impact events using transformed
        kernel scores. SIAM/ASA J. Uncertain. Quantif. 11, 906-940.

    >>> crps_samples(threshold_weighted([0.0, 5.0], above=3), threshold_weighted(4.0, above=3))
    array(0.5)
    """
    x = np.asarray(values, dtype=np.float64)
    return np.asarray(np.minimum(np.maximum(x, above), below))


def energy_score(paths: ArrayLike, observed: ArrayLike) -> Array:
    r"""The CRPS of draws of several numbers at once; lower is better.

    .. math::
        E = \frac1n \sum_i \|x_i - y\| - \frac1{2 n^2} \sum_i \sum_j \|x_i - x_j\|

    Args:
        paths: x, shape (..., n, k): n draws of k numbers.
        observed: y, shape (..., k).

    Returns:
        Scores in the unit of ``observed``, shape (...), never below 0. The score is at least 1 / n
        of its first term, so that the difference loses no more digits than n has. It judges
        how numbers hang together as well as each by itself, though weakly. For k = 1 it is the
        CRPS.

    Reference:
        Gneiting, T. and Raftery, A. E. (2007): Strictly proper scoring rules, prediction, and
        estimation. JASA 102, 359-378, section 4.3.

    >>> energy_score([[3.0, 4.0], [3.0, 4.0]], [0.0, 0.0]).tolist()
    5.0
    """
    x, y = np.asarray(paths, dtype=np.float64), np.asarray(observed, dtype=np.float64)
    n = x.shape[-2]
    far = _length(x - y[..., None, :]).sum(axis=-1)
    spread = np.zeros(far.shape)
    for i in range(1, n):  # memory for n distances at a time, not for n * n
        spread += _length(x[..., i:, :] - x[..., i - 1, None, :]).sum(axis=-1)
    return np.asarray(np.maximum(far - spread / n, 0.0) / n)


def _length(difference: Array) -> Array:
    """Euclidean length over the last axis, whatever the size of its numbers."""
    largest = np.abs(difference).max(axis=-1)
    unit = np.where(largest > 0, largest, 1.0)
    shares = difference / unit[..., None]
    length: Array = unit * np.sqrt((shares * shares).sum(axis=-1)) * (largest > 0)
    return length
