r"""Statistics of scores, and what each round moves them by: their influence functions.

Add a statistic here when a board may be ranked by it; avoid resampling (``bootstrap``).

A statistic :math:`\theta` of the n values of a model is written as :math:`\theta + \sum_t z_t`
over the rounds that are drawn, with :math:`z_t` the empirical influence of round t. For means that
is exact, for the others to first order, so one set of draws serves all of them.

Reference:
    Efron, B. (1982): The Jackknife, the Bootstrap and Other Resampling Plans. SIAM, chapter 6.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coordinator_pipelines.domain.certainty.series import ScoreSeries
from coordinator_pipelines.domain.metrics import summary

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Formula = Callable[[Array, Flags, Array], tuple[Array, Array]]
"""``values`` [round, model] with 0 where nothing is, where something is, how much of it; gives the
statistic of each model and n times the influence of each round."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic of each model, NaN where it has none, and each round's influence on it.

    ``influence``: [round, model], 0 where a model has no value or no statistic; columns sum to 0.
    """

    value: Array
    influence: Array

    def minus(self, other: "Estimate") -> "Estimate":
        """The difference of two statistics of the same rounds."""
        value = self.value - other.value
        influence = np.where(np.isnan(value), 0.0, self.influence - other.influence)
        return Estimate(value, influence)


def estimate(series: ScoreSeries, statistic: str) -> Estimate:
    """A statistic per model: computed per prediction config, then averaged with equal weights.

    ``statistic``: a key of :data:`STATISTICS`. NaN unless every config has a value.
    """
    formula = STATISTICS[statistic]
    value = np.zeros(len(series.models))
    influence = np.zeros(series.values.shape)
    for config in range(series.configs):
        rows = series.config == config
        values = series.values[rows]
        present = ~np.isnan(values)
        n = present.sum(axis=0).astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            own, moved = formula(np.where(present, values, 0.0), present, n)
        moved = np.where(present, moved, 0.0) / (np.maximum(n, 1) * series.configs)
        # What leaves the numbers that a double holds is nothing that could be told.
        finite = np.isfinite(moved).all(axis=0) & np.isfinite(own)
        value += np.where(finite, own, np.nan) / series.configs
        influence[rows] = np.where(finite, moved, 0.0)
    return Estimate(value, np.where(np.isnan(value), 0.0, influence))


def difference(series: ScoreSeries, statistic: str, against: str) -> Estimate:
    """Each model's statistic less that of another model, both over the rounds they share."""
    other = series.values[:, [series.models.index(against)]]
    shared = ~np.isnan(series.values) & ~np.isnan(other)
    own = np.where(shared, series.values, np.nan)
    others = np.where(shared, other, np.nan)
    return estimate(_with(series, own), statistic).minus(estimate(_with(series, others), statistic))


def _with(series: ScoreSeries, values: Array) -> ScoreSeries:
    return ScoreSeries(
        series.models, series.configs, series.performed_at, series.resolvable_at, series.config,
        values,
    )  # fmt: skip


def _mean(values: Array, present: Flags, n: Array) -> tuple[Array, Array]:
    centre = summary.mean(n, values.sum(axis=0))
    return centre, np.where(present, values - centre, 0.0)


def _hit_rate(values: Array, present: Flags, n: Array) -> tuple[Array, Array]:
    return _mean((values > 0).astype(np.float64), present, n)


def _volatility(values: Array, present: Flags, n: Array) -> tuple[Array, Array]:
    """Influence of the standard deviation s: ((v - m)^2 - s^2) / 2s."""
    _, off = _mean(values, present, n)
    deviation = summary.volatility(n, (off**2).sum(axis=0))
    moved = (off**2 - deviation**2) / np.where(deviation > 0, 2 * deviation, np.inf)
    return deviation, moved


def _sharpe_like(values: Array, present: Flags, n: Array) -> tuple[Array, Array]:
    """Influence of m / s: (v - m) / s - m ((v - m)^2 - s^2) / 2 s^3."""
    centre, off = _mean(values, present, n)
    deviation, moved = _volatility(values, present, n)
    ratio = summary.sharpe_like(centre, deviation)
    floor = np.maximum(deviation, summary.VOLATILITY_FLOOR)
    above = deviation >= summary.VOLATILITY_FLOOR
    return ratio, (off - np.where(above, ratio * moved, 0.0)) / floor


def _wealth(values: Array, present: Flags, n: Array) -> tuple[Array, Array]:
    """Influence of the product w of 1 + v: n w (log(1 + v) - their mean)."""
    ruined = (present & (values <= -1)).sum(axis=0)
    logs = np.log1p(np.where(values > -1, values, 0.0))
    total = summary.wealth(n, logs.sum(axis=0), ruined)
    _, off = _mean(logs, present, n)
    return total, n * total * off


STATISTICS: dict[str, Formula] = {
    "mean": _mean,
    "mean_return": _mean,
    "volatility": _volatility,
    "sharpe_like": _sharpe_like,
    "wealth": _wealth,
    "hit_rate": _hit_rate,
}
"""Every statistic that a metric may name."""
