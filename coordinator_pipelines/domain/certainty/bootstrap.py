r"""A paired block bootstrap: how statistics would vary if their rounds were drawn again.

Add here what is drawn, and intervals from draws; avoid what is made of draws of several models
(``ranks``, ``confidence_set``).

Blocks of L rounds are drawn from the circle of all rounds, the same ones for every model. A draw
moves a statistic by the sum of its influences in the blocks. As many whole blocks are drawn as fit,
and the draws are widened by the root of the share of rounds that this leaves out.

Draws of blocks alone are too narrow: a block cuts dependence at its ends, their variance is an
estimate from few blocks, and rounds differ less from their own mean than from the truth. So the
draws of a statistic are spread about it by

.. math:: \sqrt{\frac{2 V_L - V_{L/2}}{V_L (1 - \sum w / T)}} \; \frac{t_\nu}{z}

where :math:`V_L` is the variance of circular blocks; :math:`2 V_L - V_{L/2}` is that of the
trapezoidal window w of Politis and Romano, which has no bias for dependence over less than L/2
rounds; and :math:`t_\nu / z` compares Student's quantile with the normal one, with
:math:`\nu = T / \sum w^2` degrees of freedom.

Draws are sums of whole numbers below 2^53, which are exact in any order: the same board has the
same draws on every machine.

Reference:
    Politis, D. N. and Romano, J. P. (1992): A circular block-resampling procedure for stationary
    data. In: Exploring the Limits of Bootstrap, Wiley, 263-270. Politis and Romano (1995):
    Bias-corrected nonparametric spectral estimation. Journal of Time Series Analysis 16, 67-103.
    Lazarus, E., Lewis, D. J., Stock, J. H. and Watson, M. W. (2018): HAR inference:
    recommendations for practice. Journal of Business and Economic Statistics 36, 541-559.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEWEST_BLOCKS = 5
"""Rounds must hold so many blocks; fewer say next to nothing of how blocks vary."""
CELLS_AT_A_TIME = 2_000_000
"""Bounds the memory of the counts of drawn blocks: 16 MB."""
MOST_WIDENING = 4.0
"""Bounds of the ratio of variances, which noise could make negative or huge."""
LEAST_WIDENING = 0.25


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Which blocks are drawn. ``seed``: the same seed draws the same blocks."""

    rounds: int
    length: int
    draws: int
    seed: int

    @property
    def is_possible(self) -> bool:
        """Whether there are enough blocks to say anything."""
        return self.rounds >= FEWEST_BLOCKS * self.length and self.rounds > 2

    def moves(self, influence: Array) -> Array:
        """By how much each draw moves each statistic: [draw, column].

        ``influence``: [round, column], columns that sum to 0.
        """
        blocks = self.rounds // self.length
        whole, scale = _whole(influence)
        sums = _block_sums(whole, self.length)
        moved = np.concatenate([counts @ sums for counts in self._counts(blocks)])
        return np.asarray(moved * scale * math.sqrt(self.rounds / (blocks * self.length)))

    def widening(self, influence: Array, level: float) -> Array:
        """The factor of each column by which its draws are spread (see above)."""
        return np.asarray(np.sqrt(_ratio(*self._variances(influence))) * self._student(level))

    def common_widening(self, influence: Array, level: float) -> float:
        """One factor for all columns, so that they can be compared draw by draw."""
        flat, plain = self._variances(influence)
        return float(np.sqrt(_ratio(flat.sum(), plain.sum()))) * self._student(level)

    def intervals(
        self, value: Array, influence: Array, level: float, moves: Array | None = None
    ) -> Array:
        """Lower and upper end for each column: [2, column]; NaN where the value is.

        ``moves``: of the same influences, where they were drawn already.
        """
        tails = _tails(self.moves(influence) if moves is None else moves, level)
        return np.asarray(value + self.widening(influence, level) * tails)

    def _counts(self, blocks: int) -> Iterator[Array]:
        """How often each block is drawn, some draws at a time: [draw, first round]."""
        # Raw bits of a named generator stay the same from version to version of numpy.
        source = np.random.PCG64(self.seed)
        step = max(1, CELLS_AT_A_TIME // self.rounds)
        for first in range(0, self.draws, step):
            draws = min(step, self.draws - first)
            bits = source.random_raw(draws * blocks).reshape(draws, blocks)
            starts = ((bits >> np.uint64(32)) * np.uint64(self.rounds)) >> np.uint64(32)
            places = starts.astype(np.int64) + self.rounds * np.arange(draws)[:, None]
            counts = np.bincount(places.ravel(), minlength=draws * self.rounds)
            yield counts.reshape(draws, self.rounds).astype(np.float64)

    def _variances(self, influence: Array) -> tuple[Array, Array]:
        """Of each column, in one unit: the trapezoidal window's variance, and that of blocks."""
        largest = np.abs(influence).max(initial=0.0)
        sized = influence / largest if largest > 0 else influence  # squares of it do not overflow
        plain = _block_variance(sized, self.length)
        if self.length == 1:
            return plain, plain
        return 2 * plain - _half_block_variance(sized, self.length), plain

    def _student(self, level: float) -> float:
        from scipy.special import stdtrit  # noqa: PLC0415  a quarter of a second to import

        lags = np.arange(1, self.length)
        window = np.clip(2 * (1 - lags / self.length), 0.0, 1.0)
        lost = (1 + 2 * window.sum()) / self.rounds
        freedom = self.rounds / (1 + 2 * (window**2).sum())
        tail = (1 + level) / 2
        student = float(stdtrit(freedom, tail)) / NormalDist().inv_cdf(tail)
        return student / math.sqrt(max(1 - lost, 0.25))


def _tails(moves: Array, level: float) -> Array:
    """What the share ``level`` of the draws of each column lies between: [2, column].

    As ``numpy.quantile``, which takes ten times as long down the columns of a matrix.
    """
    ordered = np.sort(np.ascontiguousarray(moves.T), axis=1)
    ends = []
    for share in ((1 - level) / 2, (1 + level) / 2):
        place = share * (len(moves) - 1)
        low, part = int(place), place - int(place)
        high = min(low + 1, len(moves) - 1)
        ends.append(ordered[:, low] + part * (ordered[:, high] - ordered[:, low]))
    return np.array(ends)


def _ratio(flat: Array, plain: Array) -> Array:
    ratio = np.divide(flat, plain, out=np.ones_like(plain), where=np.asarray(plain) > 0)
    return np.clip(ratio, LEAST_WIDENING, MOST_WIDENING)


def _whole(influence: Array) -> tuple[Array, Array]:
    """Influences as whole numbers whose sums are exact, and what one of them is worth."""
    largest = np.abs(influence).max(axis=0, initial=0.0)
    _, exponent = np.frexp(largest * len(influence))
    exponent = np.where(largest > 0, 52 - exponent, 0)
    return np.rint(np.ldexp(influence, exponent)), np.ldexp(1.0, -exponent)


def _block_sums(columns: Array, length: int) -> Array:
    """Sums over the blocks that start at each round, around the circle."""
    around = np.concatenate([columns, columns[: length - 1]])
    sums = np.concatenate([np.zeros((1, columns.shape[1])), np.cumsum(around, axis=0)])
    return np.asarray(sums[length:] - sums[: len(columns)])


def _block_variance(columns: Array, length: int) -> Array:
    return np.asarray((_block_sums(columns, length) ** 2).sum(axis=0) / length)


def _half_block_variance(columns: Array, length: int) -> Array:
    """That of blocks of half the length, of an odd one between its two neighbours."""
    low, high = length // 2, -(-length // 2)
    return (_block_variance(columns, low) + _block_variance(columns, high)) / 2
