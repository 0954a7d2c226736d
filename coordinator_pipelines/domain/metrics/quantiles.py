r"""Scores of quantiles: values below which what happens is said to stay with given probabilities.

Add a rule of quantiles or intervals here; avoid what an answer must look like.

Symbols: :math:`q_k` the quantile at the level :math:`\tau_k`, y what happened.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def pinball(levels: ArrayLike, quantiles: ArrayLike, observed: ArrayLike) -> Array:
    r"""The mean pinball loss over all levels; lower is better.

    .. math::
        P = \frac1K \sum_k \rho_k, \quad
        \rho_k = \tau_k (y - q_k) \text{ if } y \ge q_k, \text{ else } (1 - \tau_k) (q_k - y)

    Args:
        levels: tau, shape (K), each in (0, 1).
        quantiles: q, shape (..., K).
        observed: y, shape (...).

    Returns:
        Losses in the unit of ``observed``, shape (...), never below 0. The honest quantiles have
        the least in expectation.

    Reference:
        Koenker, R. and Bassett, G. (1978): Regression quantiles. Econometrica 46, 33-50.

    >>> pinball([0.1, 0.9], [[0.0, 10.0]], [4.0]).round(4).tolist()
    [0.5]
    """
    tau = np.asarray(levels, dtype=np.float64)
    over = np.asarray(observed, dtype=np.float64)[..., None] - np.asarray(quantiles, np.float64)
    return np.asarray(np.where(over >= 0, tau * over, (tau - 1) * over).mean(axis=-1))


def crps_quantiles(levels: ArrayLike, quantiles: ArrayLike, observed: ArrayLike) -> Array:
    r"""CRPS as quantiles tell it, twice the mean pinball loss; lower is better.

    .. math:: C = \int_0^1 2 \rho_\tau d\tau \approx \frac2K \sum_k \rho_k

    Arguments and result as of :func:`pinball`. At the levels (k - 1/2) / K it is the CRPS of K
    draws at the quantiles.

    Reference:
        Gneiting, T. and Ranjan, R. (2011): Comparing density forecasts using threshold- and
        quantile-weighted scoring rules. J. Bus. Econ. Stat. 29, 411-422.

    >>> crps_quantiles([0.5], [[1.0]], [3.0]).tolist()
    [2.0]
    """
    return np.asarray(2 * pinball(levels, quantiles, observed))


def weighted_interval_score(levels: ArrayLike, quantiles: ArrayLike, observed: ArrayLike) -> Array:
    r"""The weighted interval score: of a median and central intervals around it; lower is better.

    .. math::
        W = \frac{1}{M + 1/2} \left(\tfrac12 |y - m|
          + \sum_{i=1}^M \tfrac{\alpha_i}{2} (u_i - l_i) + (l_i - y)^+ + (y - u_i)^+\right)

    Args:
        levels: tau, ascending, shape (2 M + 1): M levels below 1/2, 1/2, and 1 less each of the M.
            The i-th interval [l, u] reaches from :math:`\alpha_i / 2 = \tau_i` to
            :math:`1 - \tau_i`.
        quantiles: their quantiles, ascending, shape (..., 2 M + 1).
        observed: y, shape (...).

    Returns:
        Scores in the unit of ``observed``, shape (...), never below 0. It is
        :func:`crps_quantiles` of the same levels, said as width and misses of intervals.

    Reference:
        Bracher, J., Ray, E. L., Gneiting, T. and Reich, N. G. (2021): Evaluating epidemic forecasts
        in an interval format. PLoS Comput. Biol. 17, e1008618.

    >>> weighted_interval_score([0.25, 0.5, 0.75], [[-2.0, 0.0, 2.0]], [3.0]).round(4).tolist()
    [2.3333]
    """
    q, y = np.asarray(quantiles, np.float64), np.asarray(observed, np.float64)[..., None]
    intervals = q.shape[-1] // 2
    half_alpha = np.asarray(levels, np.float64)[:intervals]
    low, median, high = q[..., :intervals], q[..., intervals], q[..., :intervals:-1]
    missed = np.maximum(low - y, 0) + np.maximum(y - high, 0)
    each = (half_alpha * (high - low) + missed).sum(axis=-1)
    return np.asarray((np.abs(y[..., 0] - median) / 2 + each) / (intervals + 0.5))
