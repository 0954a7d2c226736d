r"""The continuous ranked probability score of a density, in closed form.

Add a rule here when it has a closed form for another density; avoid parsing densities
(``density``).

Symbols: F the distribution function of the answer, y what happened; X and X' independent draws
from F; :math:`A(m, s) = E|X|` of a normal X with mean m and standard deviation s.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def crps_normal_mixture(
    weight: ArrayLike, loc: ArrayLike, scale: ArrayLike, observed: ArrayLike
) -> Array:
    r"""CRPS of mixtures of normal densities: how far F is from what happened; lower is better.

    .. math::
        C = \int (F(x) - 1\{x \ge y\})^2 dx = E|X - y| - \tfrac12 E|X - X'|
          = \sum_i w_i A(y - \mu_i, \sigma_i)
          - \tfrac12 \sum_i \sum_j w_i w_j A(\mu_i - \mu_j, \sqrt{\sigma_i^2 + \sigma_j^2})

    Args:
        weight: w, shape (..., k), each row sums to 1.
        loc: mu, the means, same shape.
        scale: sigma, the standard deviations, above 0, same shape.
        observed: y, shape (...).

    Returns:
        Scores in the unit of ``observed``, shape (...); 0 is certainty that was right. The rule
        is proper: in expectation nothing beats the honest density. NaN or infinite where the
        numbers are too large for a double. Needs memory for k * k numbers per score.

    References:
        Gneiting, T. and Raftery, A. E. (2007): Strictly proper scoring rules, prediction, and
        estimation. JASA 102, 359-378. Grimit, E. P. et al. (2006): The continuous ranked
        probability score for circular variables. Q. J. R. Meteorol. Soc. 132, 2925-2942, for
        mixtures.

    >>> crps_normal_mixture([1.0], [0.0], [1.0], 0.0).round(4).tolist()
    0.2337
    >>> crps_normal_mixture([[1.0], [1.0]], [[0.0], [0.0]], [[1e-9], [1.0]], [2.0, 2.0]).round(4)
    array([2.    , 1.4528])
    """
    w, mu, sigma = (np.asarray(each, dtype=np.float64) for each in (weight, loc, scale))
    y = np.asarray(observed, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        distance = (w * _mean_size(y[..., None] - mu, sigma)).sum(axis=-1)
        apart = mu[..., :, None] - mu[..., None, :]
        both = _mean_size(apart, np.hypot(sigma[..., :, None], sigma[..., None, :]))
        spread = (w[..., :, None] * w[..., None, :] * both).sum(axis=(-2, -1))
        return np.asarray(distance - spread / 2)


def _mean_size(m: Array, s: Array) -> Array:
    """A(m, s) = m erf(m / (s sqrt 2)) + s sqrt(2 / pi) exp(-m^2 / (2 s^2))."""
    ratio = m / s / math.sqrt(2)
    size: Array = m * _erf(ratio) + s * math.sqrt(2 / math.pi) * np.exp(-ratio * ratio)
    return size
