"""Tiers: models that cannot be told apart, by repeated Model Confidence Sets.

Add here what groups models; avoid drawing (``bootstrap``).

The set of the statistic T_max is formed in steps: as long as the worst model is worse than the
average of the set by more than chance, every model that is goes. The reference drops the worst
alone and tests again, which for 300 models and twenty tiers is 300 times the work; the tests
compare both. (``arch.bootstrap.MCS`` draws anew, keeps the matrix of every draw and takes 20 s.)

Reference:
    Hansen, P. R., Lunde, A. and Nason, J. M. (2011): The Model Confidence Set. Econometrica 79,
    453-497. Steps of several models: Romano, J. P. and Wolf, M. (2005): Stepwise multiple testing
    as formalized data snooping. Econometrica 73, 1237-1282.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

NO_VARIATION = 1e-7
"""Spread relative to the largest move below which it is that of rounding: it is the root of a
difference of squares that are known to 1e-16 of their size."""
NO_DIFFERENCE = 1e-12
"""The same of values, relative to the largest."""


def tiers(values: Array, moves: Array, level: float) -> Integers:
    """The tier of each model, from 1: those of one tier cannot be told apart.

    Args:
        values: of each model, higher is better, best first.
        moves: by how much each draw moves each value: [draw, model].
        level: probability with which a tier keeps the best model of those not in better ones.

    The first tier is the confidence set of all, the next that of the rest, and so on. Whoever
    stands before a member of a tier belongs to it or to a better one: a model that is uncertain
    does not get ahead of a better one for it.
    """
    draws = _Draws(values, moves)
    tier = np.zeros(len(values), dtype=np.int64)
    first, number = 0, 1
    while first < len(values):
        stop = 1 + int(draws.confidence_set(np.arange(first, len(values)), level).max())
        tier[first:stop] = number
        first, number = stop, number + 1
    return tier


def confidence_set(values: Array, moves: Array, level: float) -> Integers:
    """The places of the models in the Model Confidence Set at the level; one always is in it.

    Arguments as of :func:`tiers`, in any order.
    """
    return _Draws(values, moves).confidence_set(np.arange(len(values)), level)


class _Draws:
    """Draws of some models, and what is known of them once and for all sets."""

    def __init__(self, values: Array, moves: Array) -> None:
        largest = float(np.abs(moves).max(initial=0.0))
        unit = largest if largest > 0 else 1.0  # squares of what is measured in it do not overflow
        self._values = values / unit
        self._moves = np.ascontiguousarray(moves.T) / unit
        self._covariance = self._moves @ self._moves.T / len(moves)
        self._equal = NO_DIFFERENCE * float(np.abs(self._values).max(initial=0.0))

    def confidence_set(self, inside: Integers, level: float) -> Integers:
        """Those of some models that are not worse than the average of those that are left."""
        while len(inside) > 1:
            lag, chance = self._standardised(inside)
            worse = lag > np.quantile(chance, level, method="inverted_cdf")
            if not worse.any():
                break
            inside = inside[~worse]
        return inside

    def _standardised(self, inside: Integers) -> tuple[Array, Array]:
        """How far each model is behind the average, and the greatest such lag of each draw."""
        values, moves = self._values[inside], self._moves[inside]
        average = moves.mean(axis=0)
        shared = self._covariance[np.ix_(inside, inside)]
        variance = np.diag(shared) - 2 * shared.mean(axis=0) + shared.mean()
        spread = np.sqrt(np.maximum(variance, 0.0))
        varies = spread > NO_VARIATION
        scale = np.where(varies, spread, 1.0)
        behind = values.mean() - values
        # Without any variation a difference is certain.
        certain = np.where(behind > self._equal, np.inf, 0.0)
        lag = np.where(varies, behind / scale, certain)
        np.subtract(average, moves, out=moves)
        moves *= np.where(varies, 1 / scale, 0.0)[:, None]
        return lag, moves.max(axis=0)
