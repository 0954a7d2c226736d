"""Scores of a whole table of predictions against its true values: one number per round.

Add a rule for tables here; avoid rules of single values (they have a module each) and what an
answer must look like (``feature_table``).
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

LEAST_PROBABILITY = 1e-6


def spearman(prediction: ArrayLike, truth: ArrayLike) -> float:
    r"""The rank correlation of predictions and true values, ties at their mean rank.

    .. math:: \rho = \mathrm{corr}(\mathrm{rank}(p), \mathrm{rank}(y))

    Returns:
        A number in [-1, 1], higher is better; 0 where either side says the same of every row,
        since that orders nothing.

    Reference:
        Spearman, C. (1904): The proof and measurement of association between two things.
        American Journal of Psychology 15, 72-101.

    >>> spearman([0.1, 0.2, 0.9], [1, 2, 3])
    1.0
    >>> spearman([0.5, 0.5, 0.5], [1, 2, 3])
    0.0
    """
    ranks = [_centred_ranks(side) for side in (prediction, truth)]
    norm = np.sqrt((ranks[0] @ ranks[0]) * (ranks[1] @ ranks[1]))
    return float(np.clip((ranks[0] @ ranks[1]) / norm, -1.0, 1.0)) if norm > 0 else 0.0


def mean_squared_error(prediction: ArrayLike, truth: ArrayLike) -> float:
    r"""The mean squared distance of predictions from true values, turned negative.

    .. math:: S = -\frac{1}{n} \sum_i (p_i - y_i)^2

    Returns:
        A number of at most 0, higher is better. The honest mean is the best answer.

    >>> mean_squared_error([1.0, 2.0], [1.0, 4.0])
    -2.0
    """
    distance = np.asarray(prediction, np.float64) - np.asarray(truth, np.float64)
    return -float(np.mean(distance * distance))


def log_loss(prediction: ArrayLike, truth: ArrayLike) -> float:
    r"""The mean logarithm of the probability that each row gave to what happened.

    .. math:: S = \frac{1}{n} \sum_i y_i \ln p_i + (1 - y_i) \ln(1 - p_i)

    Probabilities are taken to be at least 1e-6 away from 0 and 1.

    Returns:
        A number of at most 0, higher is better. The rule is proper.

    Raises:
        ValueError: a prediction is no probability, or a true value is neither 0 nor 1.

    Reference:
        Good, I. J. (1952): Rational decisions. Journal of the Royal Statistical Society B 14,
        107-114.

    >>> round(log_loss([0.5, 0.5], [1, 0]), 4)
    -0.6931
    """
    p, y = np.asarray(prediction, np.float64), np.asarray(truth, np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("a prediction is not between 0 and 1")
    if not np.isin(y, (0.0, 1.0)).all():
        raise ValueError("a true value is neither 0 nor 1")
    p = np.clip(p, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return float(np.mean(np.where(y == 1, np.log(p), np.log1p(-p))))


def _centred_ranks(values: ArrayLike) -> NDArray[np.float64]:
    ranks = pd.Series(np.asarray(values, np.float64)).rank().to_numpy("float64")
    centred: NDArray[np.float64] = ranks - ranks.mean()
    return centred
