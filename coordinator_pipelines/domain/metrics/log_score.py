r"""The logarithmic score: how probable what happened was said to be. Higher is better.

Add nothing but this rule; that of a table is in ``table``. It has no worst value: whoever scores by
it bounds it.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

LOG_ROOT_TWO_PI = math.log(2 * math.pi) / 2


def log_probability(p_up: ArrayLike, p_down: ArrayLike, outcome: ArrayLike) -> Array:
    r"""The logarithm of the probability that was given to what happened.

    .. math:: L = y \ln p + (1 - y) \ln q

    Args:
        p_up: p, probability that the price rises, in [0, 1].
        p_down: q = 1 - p, given by itself because 1 - p has no digits left where p is nearly 1.
        outcome: y, 1 if the price rose, 0 if it fell (0.5 where a tie counts as half).

    Returns:
        Scores of at most 0; minus infinity for what was said to be impossible. The rule is proper.

    Reference:
        Good, I. J. (1952): Rational decisions. Journal of the Royal Statistical Society B 14,
        107-114.

    >>> log_probability([0.5, 1.0], [0.5, 0.0], [1, 0]).round(4).tolist()
    [-0.6931, -inf]
    """
    p, q, y = (np.asarray(each, dtype=np.float64) for each in (p_up, p_down, outcome))
    with np.errstate(divide="ignore", invalid="ignore"):
        # 0 times infinity is 0 here: what did not happen says nothing.
        rose = np.where(y > 0, y * _log_share(p, q), 0.0)
        return rose + np.where(y < 1, (1 - y) * _log_share(q, p), 0.0)


def log_density(weight: ArrayLike, loc: ArrayLike, scale: ArrayLike, observed: ArrayLike) -> Array:
    r"""The logarithm of the density of a mixture of normals at what happened.

    .. math::
        L = \ln \sum_i \frac{w_i}{\sigma_i \sqrt{2 \pi}} e^{-(y - \mu_i)^2 / (2 \sigma_i^2)}

    Args:
        weight: w, shape (..., k), each row sums to 1.
        loc: mu, the means, same shape.
        scale: sigma, the standard deviations, above 0, same shape.
        observed: y, shape (...).

    Returns:
        Scores, shape (...), in logarithms of 1 / the unit of ``observed``; as large as a density is
        narrow, and minus infinity where it is 0. Summed from the largest term, so that no density
        is too small to be told from 0. The rule is proper.

    Reference:
        Good, I. J. (1952), as above. Roulston, M. S. and Smith, L. A. (2002): Evaluating
        probabilistic forecasts using information theory. Mon. Weather Rev. 130, 1653-1660.

    >>> log_density([[1.0]], [[0.0]], [[1.0]], [0.0]).round(4).tolist()
    [-0.9189]
    """
    w, mu, sigma = (np.asarray(each, dtype=np.float64) for each in (weight, loc, scale))
    y = np.asarray(observed, dtype=np.float64)[..., None]
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        z = (y - mu) / sigma
        parts = np.log(w) - z * z / 2 - np.log(sigma) - LOG_ROOT_TWO_PI
        largest = parts.max(axis=-1)
        centre = np.where(np.isfinite(largest), largest, 0.0)
        whole = np.log(np.exp(parts - centre[..., None]).sum(axis=-1))
    return np.asarray(centre + whole)


def _log_share(own: Array, other: Array) -> Array:
    """Logarithm of a probability; near 1, of which digits are few, by what is left of it."""
    return np.where(own > 0.5, np.log1p(-other), np.log(own))
