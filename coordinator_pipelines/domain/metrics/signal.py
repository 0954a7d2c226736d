r"""Metrics of signals: what models said, as a number per round, against what came of it.

Add a metric here that needs the rounds of a window one by one; avoid what sums give (``summary``),
what a signal is (``score.signal``) and reading.

Symbols: :math:`s_t` the signal of a model in round t, its sign a direction; :math:`r_t` what came
of the round, the relative change of a price say; :math:`v_t` the score. :math:`\rho` is the rank
correlation over the rounds in which both sides have a number. Rounds are those of one prediction
config in one window, aligned by their key. NaN is no number: too few rounds, or nothing varies.

Each returns the metric of every model, and takes ``least``: on fewer rounds it says nothing.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from coordinator_pipelines.domain.metrics.exact_sums import (
    exact_sum,
    row_means,
    sums_of_columns,
    times_less,
    without,
)
from coordinator_pipelines.domain.metrics.rank_correlation import (
    rank_correlation,
    rank_correlations,
)
from coordinator_pipelines.domain.metrics.summary import NO_VARIATION

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

PARTS = 10
"""Equal spans of time that a window is cut into for ``ic_sharpe``."""
LEAST_IN_PART = 3
"""Rounds in such a span, with fewer of which it has no rank correlation."""


@dataclass(frozen=True)
class Field:
    """The rounds of one config in one window, in ascending order, for all models."""

    signals: Array
    """s, [model, round]."""
    outcomes: Array
    """r, [round]."""
    part: Integers
    """Which of the window's ``PARTS`` each round was resolved in."""
    members: Flags
    """Which models are the field that others are compared with: all that are no ensemble."""
    ensemble: int | None
    """The row of the ensemble that others are compared with."""

    @cached_property
    def sums(self) -> tuple[Array, Array]:
        """The sum of the field's signals in each round, as (high, low)."""
        return sums_of_columns(self.signals[self.members])

    @cached_property
    def sizes(self) -> Integers:
        """How many models of the field have a signal in each round."""
        return np.asarray((~np.isnan(self.signals[self.members])).sum(axis=0))

    @cached_property
    def directed(self) -> Array:
        """sign(s) r, the return of following the signal's sign; [model, round]."""
        return np.sign(self.signals) * self.outcomes


def ic(field: Field, least: int) -> Array:
    r"""Information coefficient: :math:`\rho(s, r)`.

    Reference:
        Grinold, R. C. and Kahn, R. N. (2000): Active Portfolio Management, chapter 6.
    """
    return _on_enough(*rank_correlation(field.signals, field.outcomes), least)


def ic_sharpe(field: Field, least: int) -> Array:
    r"""How steady the ic is: mean over standard deviation of it in the window's ten parts.

    Parts with fewer than three rounds, or in which nothing varies, have none; of fewer than two
    that have one nothing is said, nor where they are all alike. The deviation is the population's.
    """
    parts = [field.part == part for part in range(PARTS)]
    found = [
        _on_enough(
            *rank_correlation(field.signals[:, rounds], field.outcomes[rounds]), LEAST_IN_PART
        )
        for rounds in parts
    ]
    coefficients = np.stack(found, axis=1)
    centre = row_means(coefficients)
    deviation = np.sqrt(row_means((coefficients - centre[:, None]) ** 2))
    several = (~np.isnan(coefficients)).sum(axis=1) > 1
    varies = several & (deviation > NO_VARIATION * np.abs(centre))
    ratio = np.where(varies, centre / np.where(varies, deviation, 1.0), np.nan)
    return _on_enough(ratio, _rounds(field), least)


def signal_return(field: Field, least: int) -> Array:
    r"""Mean return of following the sign: mean of :math:`\mathrm{sign}(s) r`; 0 holds nothing."""
    return _on_enough(row_means(field.directed), _rounds(field), least)


def signal_hit_rate(field: Field, least: int) -> Array:
    """Share of rounds whose direction the sign told, of those in which both have one.

    Reference:
        Pesaran, M. H. and Timmermann, A. (1992): A simple nonparametric test of predictive
        performance. Journal of Business and Economic Statistics 10, 461-465.
    """
    directed = field.directed
    decided = ~np.isnan(directed) & (field.signals != 0) & (field.outcomes != 0)
    hits = (decided & (np.sign(field.signals) == np.sign(field.outcomes))).sum(axis=1)
    rounds = decided.sum(axis=1)
    share = np.where(rounds > 0, hits / np.maximum(rounds, 1), np.nan)
    return _on_enough(share, rounds, least)


def sortino_ratio(field: Field, least: int) -> Array:
    r"""Mean return of following the sign over its downside deviation.

    .. math:: \bar x / \sqrt{\frac1n \sum_t \min(x_t, 0)^2}, \quad x_t = \mathrm{sign}(s_t) r_t

    Over all n rounds. NaN without a loss: nothing is known of the downside then.

    Reference:
        Sortino, F. A. and Price, L. N. (1994): Performance measurement in a downside risk
        framework. Journal of Investing 3, 59-64.
    """
    # In units of the largest loss, by a power of two: its square could vanish, and nothing is lost.
    losses = np.minimum(field.directed, 0.0)
    _, power = np.frexp(losses.min(axis=1, initial=0.0, where=~np.isnan(losses)))
    with np.errstate(over="ignore"):
        scaled = np.ldexp(field.directed, -power[:, None])
    downside = np.sqrt(row_means(np.minimum(scaled, 0.0) ** 2))
    lost = downside > 0
    ratio = np.where(lost, row_means(scaled) / np.where(lost, downside, 1.0), np.nan)
    return _on_enough(ratio, _rounds(field), least)


def turnover(field: Field, least: int) -> Array:
    r"""Mean of :math:`|s_t - s_{t-1}|` over rounds one after the other that have a signal both."""
    steps = np.abs(np.diff(field.signals, axis=1))
    answered = (~np.isnan(field.signals)).sum(axis=1)
    return _on_enough(row_means(steps), answered, least)


def model_correlation(field: Field, least: int) -> Array:
    r"""How alike a model is to the others: mean of :math:`\rho(s, s_j)` over the other models j.

    Of those with which it shares ``least`` rounds in which both vary.
    """
    rho, rounds = rank_correlations(field.signals)
    rho = np.where((rounds >= least) & field.members, rho, np.nan)
    np.fill_diagonal(rho, np.nan)
    return row_means(rho)


def ensemble_correlation(field: Field, least: int) -> Array:
    r""":math:`\rho(s, e)`, e the signal of the ensemble; NaN of the ensemble itself."""
    if field.ensemble is None:
        return np.full(len(field.signals), np.nan)
    found = _on_enough(*rank_correlation(field.signals, field.signals[field.ensemble]), least)
    found[field.ensemble] = np.nan
    return found


def contribution(field: Field, least: int) -> Array:
    r"""What the ensemble tells beyond the mean of the others: :math:`\rho(e, r) - \rho(\bar s, r)`.

    :math:`\bar s` is the mean signal of the other models of the field. Both over the rounds that
    the model answered, and in which there is an ensemble and another model. NaN of ensembles.
    """
    if field.ensemble is None:
        return np.full(len(field.signals), np.nan)
    others = field.sizes - 1
    with np.errstate(invalid="ignore"):
        rest = without(*field.sums, field.signals) / np.maximum(others, 1)
    ensemble = np.broadcast_to(field.signals[field.ensemble], rest.shape)
    both = ~np.isnan(rest) & ~np.isnan(ensemble) & (others > 0)
    with_it, rounds = rank_correlation(np.where(both, ensemble, np.nan), field.outcomes)
    without_it, _ = rank_correlation(np.where(both, rest, np.nan), field.outcomes)
    return np.where(field.members, _on_enough(with_it - without_it, rounds, least), np.nan)


def fnc(field: Field, least: int) -> Array:
    r"""Field-neutral ic: :math:`\rho(s - \bar s, r)`, :math:`\bar s` the mean signal of the field.

    Over rounds that another model of the field answered as well; the ic of a model that is alone.
    """
    own = field.members[:, None] & ~np.isnan(field.signals)
    others = field.sizes - own
    residual = times_less(field.sizes.astype(np.float64), field.signals, *field.sums)
    neutral = np.where(others > 0, residual / np.maximum(field.sizes, 1), np.nan)
    alone = ~(others > 0).any(axis=1, keepdims=True)
    found = rank_correlation(np.where(alone, field.signals, neutral), field.outcomes)
    return _on_enough(*found, least)


SIGNAL_METRICS = {
    "ic": ic,
    "ic_sharpe": ic_sharpe,
    "signal_return": signal_return,
    "signal_hit_rate": signal_hit_rate,
    "sortino_ratio": sortino_ratio,
    "turnover": turnover,
    "model_correlation": model_correlation,
    "ensemble_correlation": ensemble_correlation,
    "contribution": contribution,
    "fnc": fnc,
}
"""By the name of the statistic."""


def max_drawdown(values: Array, least: int) -> Array:
    r"""The deepest fall of the sum of scores below its peak so far, the first peak being 0.

    .. math:: \min_t \left(\sum_{u \le t} v_u - \max_{w \le t} \sum_{u \le w} v_u \right) \le 0

    ``values``: [model, round], in the order of rounds.

    >>> max_drawdown(np.array([[1.0, -3.0, np.nan, 1.0]]), 1).tolist()
    [-3.0]
    """
    present = ~np.isnan(values)
    fallen, deepest = np.zeros(len(values)), np.zeros(len(values))
    # Below the peak, not the sum: nothing cancels, however high the peak.
    for moved in np.where(present, values, 0.0).T:
        fallen = np.minimum(fallen + moved, 0.0)
        deepest = np.minimum(deepest, fallen)
    return _on_enough(deepest, present.sum(axis=1), max(least, 1))


def skill(values: Array, baseline: int | None, perfect: float, least: int) -> Array:
    r"""Skill score: which share of the way from the baseline's score to a perfect one.

    .. math:: \frac{\bar v - \bar b}{p - \bar b}, \text{ which is } 1 - \bar v / \bar b
        \text{ where a perfect score is } p = 0

    Both means over the rounds in which both have a score. NaN where the baseline is perfect.

    Args:
        values: [model, round].
        baseline: its row; None: it has no score.
        perfect: p.
        least: rounds in common.

    Reference:
        Murphy, A. H. (1988): Skill scores based on the mean square error and their relationships to
        the correlation coefficient. Monthly Weather Review 116, 2417-2424.

    >>> skill(np.array([[1.0, 3.0], [2.0, 6.0]]), 1, 0.0, 1).tolist()
    [0.5, 0.0]
    """
    if baseline is None:
        return np.full(len(values), np.nan)
    both = ~np.isnan(values) & ~np.isnan(values[baseline])
    found = [
        _skill(own[common].tolist(), values[baseline][common].tolist(), perfect)
        for own, common in zip(values, both, strict=True)
    ]
    return _on_enough(np.array(found, dtype=np.float64), both.sum(axis=1), least)


def _skill(own: list[float], other: list[float], perfect: float) -> float:
    gained = exact_sum([*own, *(-value for value in other)])
    possible = exact_sum([*(perfect for _ in own), *(-value for value in other)])
    return gained / possible + 0.0 if possible else np.nan  # no -0.0


def _rounds(field: Field) -> Integers:
    """How many rounds with a signal and an outcome each model has."""
    return np.asarray((~np.isnan(field.directed)).sum(axis=1))


def _on_enough(values: Array, rounds: Integers, least: int) -> Array:
    return np.where((rounds >= least) & np.isfinite(values), values, np.nan)
