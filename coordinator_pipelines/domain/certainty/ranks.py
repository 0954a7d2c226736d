"""Where models might stand: rank intervals and the chance of a rank, from joint draws.

Add here what is told of ranks; avoid drawing (``bootstrap``).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


def drawn_ranks(values: Array) -> Integers:
    """The rank of each model in each draw, from 1.

    ``values``: [draw, model], higher is better, models in their order, which decides ties.
    """
    order = np.argsort(-values, axis=1, kind="stable")
    ranks = np.empty_like(order)
    places = np.broadcast_to(np.arange(1, values.shape[1] + 1), order.shape)
    np.put_along_axis(ranks, order, places, axis=1)
    return ranks


def rank_intervals(ranks: Integers, level: float) -> Integers:
    """The best and the worst rank of each model but for the share 1 - level: [2, model].

    Ranks of models that share their truth are drawn apart by noise alone, so the interval tells
    how the order might have come out, not which order is true.
    """
    tails = [(1 - level) / 2, (1 + level) / 2]
    return np.quantile(ranks, tails, axis=0, method="inverted_cdf").astype(np.int64)


def chance_of_rank(ranks: Integers, k: int) -> Array:
    """P(rank <= k) of each model: the share of draws."""
    return np.asarray((ranks <= k).mean(axis=0))
