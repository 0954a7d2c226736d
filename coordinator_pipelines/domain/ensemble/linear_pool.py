r"""Weights of a linear pool by past log scores: stacking of predictive distributions.

Add nothing but this optimisation; avoid where likelihoods come from (``past``).

With :math:`P_{tj}` the probability, or density, that model j gave to what happened in round t:

.. math:: \max_w \; \frac1T \sum_t \log \sum_j w_j P_{tj} - \frac{\lambda}{2} \sum_j w_j^2,
          \qquad w_j \ge 0, \; \sum_j w_j = 1

The small :math:`\lambda` makes the answer one: models that say the same get the same. It is solved
by quadratic steps, each a non-negative least squares problem, over the models that can matter; the
step ends where the gap to the optimum is below ``GAP``.

Reference:
    Hall, S. G. and Mitchell, J. (2007): Combining density forecasts. International Journal of
    Forecasting 23, 1-13. Geweke, J. and Amisano, G. (2011): Optimal prediction pools. Journal of
    Econometrics 164, 130-141. Kim, Y., Carbonetto, P., Stephens, M. and Anitescu, M. (2020): A fast
    algorithm for maximum likelihood estimation of mixture proportions using sequential quadratic
    programming. Journal of Computational and Graphical Statistics 29, 261-273.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RIDGE = 1e-3
GAP = 1e-8
LEAST_SLOPE = 1e-15
"""Below it a step gains nothing that a double could tell."""
DECIMALS = 6
"""Weights are told to so many: what is beyond is the rounding of one machine."""
LEAST_LIKELIHOOD = 1e-6
"""Of the best model's in the round: what a model loses by one round has a bound."""
MOST_STEPS = 100
MODELS_AT_A_TIME = 30
EQUALITY = 1e3
"""How much heavier than everything else it is that weights sum to 1."""


def pool_weights(likelihoods: Array) -> Array:
    """The weight of each model, at least 0, together 1.

    ``likelihoods``: [round, model], at least 0. NaN, where a model did not answer, counts as the
    mean of those that did: such a round tells nothing of it. Rounds in which nobody did, or
    everything was impossible to everybody, count for nothing. No rounds: equal weights.

    >>> pool_weights(np.array([[0.9, 0.2], [0.8, 0.3]])).tolist()
    [1.0, 0.0]
    >>> pool_weights(np.array([[0.5, 0.5], [0.7, 0.7]])).tolist()
    [0.5, 0.5]
    """
    rows = _scaled(likelihoods)
    models = likelihoods.shape[1]
    if len(rows) == 0:
        return np.full(models, 1 / models)
    weights = np.full(models, 1 / models)
    chosen = np.zeros(models, dtype=bool)
    for _ in range(MOST_STEPS):
        gain = _gain(rows, weights)
        if chosen.any() and gain.max() - gain @ weights <= GAP:
            break
        best = np.argsort(-np.where(chosen, -np.inf, gain), kind="stable")[:MODELS_AT_A_TIME]
        start = weights if chosen.any() else None
        chosen[best] = True
        start = chosen / chosen.sum() if start is None else start
        weights = np.zeros(models)
        weights[chosen] = _optimum(rows[:, chosen], start[chosen])
        chosen = weights > 0
    rounded = np.round(weights, DECIMALS)
    return np.asarray(rounded / rounded.sum())


def _scaled(likelihoods: Array) -> Array:
    """Rows with 1 as their largest, none of their values 0 or missing."""
    said = ~np.isnan(likelihoods)
    filled = np.where(said, likelihoods, 0.0)
    largest = filled.max(axis=1, initial=0.0)
    rows = (largest > 0) & np.isfinite(largest)
    said, filled = said[rows], filled[rows] / largest[rows, None]
    mean = filled.sum(axis=1) / said.sum(axis=1)
    return np.asarray(np.maximum(np.where(said, filled, mean[:, None]), LEAST_LIKELIHOOD))


def _gain(rows: Array, weights: Array) -> Array:
    """The gradient of what is maximised."""
    return np.asarray((rows / (rows @ weights)[:, None]).mean(axis=0) - RIDGE * weights)


def _value(rows: Array, weights: Array) -> float:
    return float(np.log(rows @ weights).mean() - RIDGE / 2 * (weights @ weights))


def _optimum(rows: Array, weights: Array) -> Array:
    """The best weights of these models, from a start of which no round is impossible."""
    for _ in range(MOST_STEPS):
        gain = _gain(rows, weights)
        direction = _quadratic_optimum(rows, weights, gain) - weights
        slope, length, now = gain @ direction, 1.0, _value(rows, weights)
        if slope <= LEAST_SLOPE:
            break
        while length > 1e-9 and (
            _value(rows, weights + length * direction) < now + 1e-4 * length * slope
        ):
            length /= 2
        weights = np.maximum(weights + length * direction, 0.0)
        weights = weights / weights.sum()
    return weights


def _quadratic_optimum(rows: Array, weights: Array, gain: Array) -> Array:
    """Where the second-order approximation about the weights is largest."""
    from scipy.optimize import nnls  # noqa: PLC0415  a quarter of a second to import

    relative = rows / (rows @ weights)[:, None]
    curvature = relative.T @ relative / len(rows) + RIDGE * np.eye(len(weights))
    root = np.linalg.cholesky(curvature).T
    target = np.linalg.solve(root.T, gain + curvature @ weights)
    system = np.vstack([root, np.full(len(weights), EQUALITY)])
    best, _ = nnls(system, np.append(target, EQUALITY))
    return np.asarray(best / best.sum())
