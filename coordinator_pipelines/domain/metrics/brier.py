"""The Brier score of a probability of "up", turned so that higher is better.

Add nothing but this rule; other rules have a module each.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def brier_probability_up(p_up: ArrayLike, outcome: ArrayLike) -> NDArray[np.float64]:
    r"""One minus the squared distance of each probability from what happened.

    .. math:: S(p, y) = 1 - (p - y)^2

    Args:
        p_up: p, probability that the price rises, in [0, 1].
        outcome: y, 1 if the price rose, 0 if it fell (0.5 where a tie counts as half).

    Returns:
        Scores in [0, 1], higher is better. The rule is proper: in expectation nothing beats
        the honest probability. A constant 0.5 scores 0.75.

    Reference:
        Brier, G. W. (1950): Verification of forecasts expressed in terms of probability.
        Monthly Weather Review 78, 1-3.

    >>> brier_probability_up([0.9, 0.5, 0.2], [1, 1, 1]).round(4).tolist()
    [0.99, 0.75, 0.36]
    """
    p, y = np.asarray(p_up, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    # 1 - (p - y)^2 as a product: the difference would lose what is nearly certain and wrong.
    return np.minimum(((1.0 + y) - p) * ((1.0 - y) + p), 1.0)
