r"""Spearman's rank correlation of many columns at once, each over the rounds that it shares.

Add here what ranks of signals need; avoid what is correlated with what (``signal``).

Columns are rows of an array [column, round], NaN where one has nothing. Ranks are counted, not
averaged: within some rounds, the centred rank of a value, doubled, is the number of values below it
less the number above it, so ties get their mean rank and every sum is of whole numbers. So the last
digit does not depend on the order of rounds, nor on the machine.

Reference:
    Spearman, C. (1904): The proof and measurement of association between two things. American
    Journal of Psychology 15, 72-101. Kendall, M. G. (1945): The treatment of ties in ranking
    problems. Biometrika 33, 239-251.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]
Counts = NDArray[np.int32]

WHOLE_IN_DOUBLES = 200_000
"""Rounds up to which a sum of products of ranks is a whole number that a double holds."""


class Ranked:
    """Columns that are sorted once, so that ranks within any of their rounds are only counted."""

    def __init__(self, columns: Array) -> None:
        """``columns``: [column, round], NaN where a column has nothing."""
        self.present: Flags = ~np.isnan(columns)
        rounds = columns.shape[1]
        self._order = np.argsort(columns, axis=1, kind="stable")
        ascending = np.take_along_axis(columns, self._order, axis=1)
        place = np.broadcast_to(np.arange(rounds, dtype=np.int32), columns.shape)
        begins = np.ones(columns.shape, dtype=bool)
        begins[:, 1:] = ascending[:, 1:] != ascending[:, :-1]
        ends = np.ones(columns.shape, dtype=bool)
        ends[:, :-1] = begins[:, 1:]
        first = np.maximum.accumulate(np.where(begins, place, np.int32(0)), axis=1)
        stops = np.where(ends, place + 1, np.int32(rounds))
        after = np.minimum.accumulate(stops[:, ::-1], axis=1)[:, ::-1]
        self._first, self._after = np.empty_like(first), np.empty_like(after)
        np.put_along_axis(self._first, self._order, first, axis=1)
        np.put_along_axis(self._after, self._order, after, axis=1)

    def balance(self, columns: slice, within: Flags) -> Counts:
        """How many values are below each one, less how many are above it; 0 outside ``within``.

        ``within``: the rounds that count, for each of the columns; or, for a slice of one column,
        any number of selections of rounds, a row each. All of them must be present.
        """
        order = self._order[columns]
        if len(order) == 1:
            return _counted(within, within[:, order[0]], self._first[columns], self._after[columns])
        inside = np.take_along_axis(within, order, axis=1)
        return _counted(within, inside, self._first[columns], self._after[columns])


def _counted(within: Flags, ascending: Flags, first: Counts, after: Counts) -> Counts:
    counts = np.zeros((within.shape[0], within.shape[1] + 1), dtype=np.int32)
    np.cumsum(ascending, axis=1, out=counts[:, 1:])
    if len(first) == 1:
        below, until = counts[:, first[0]], counts[:, after[0]]
    else:
        below = np.take_along_axis(counts, first, axis=1)
        until = np.take_along_axis(counts, after, axis=1)
    return np.where(within, below + until - counts[:, -1:], 0)


def rank_correlation(columns: Array, other: Array) -> tuple[Array, Integers]:
    """The rank correlation of each column with one other, over the rounds that both have.

    Args:
        columns: [column, round].
        other: [round].

    Returns:
        Numbers in [-1, 1], NaN where one side is constant or there are fewer than two rounds, and
        how many rounds each rests on.

    >>> rank_correlation(np.array([[1.0, 2.0, 2.0, np.nan]]), np.array([3.0, 5.0, 7.0, 1.0]))[0]
    array([0.8660254])
    """
    both = ~np.isnan(columns) & ~np.isnan(other)
    own = Ranked(np.where(both, columns, np.nan)).balance(slice(None), both)
    others = Ranked(other[None]).balance(slice(1), both)
    return _correlated(own, others), both.sum(axis=1)


def rank_correlations(columns: Array) -> tuple[Array, Integers]:
    """The rank correlations of all columns with each other, each over the rounds of both.

    Returns:
        Two symmetric arrays [column, column]: as of :func:`rank_correlation`.

    Columns that have the same rounds are ranked once. The others are ranked anew for each pair,
    from one sorting.
    """
    ranked = Ranked(columns)
    present, models = ranked.present, len(columns)
    rho, rounds = np.full((models, models), np.nan), np.zeros((models, models), dtype=np.int64)
    _, alike = np.unique(present, axis=0, return_inverse=True)
    alike = alike.reshape(-1)
    for group in range(alike.max(initial=-1) + 1):
        own = np.flatnonzero(alike == group)
        rho[np.ix_(own, own)] = _all_pairs(Ranked(columns[own]).balance(slice(None), present[own]))
        rounds[np.ix_(own, own)] = present[own[0]].sum()
    for k in range(models):
        later = slice(k + 1, models)
        if (alike[later] == alike[k]).all():
            continue
        both = present[later] & present[k]
        mine = ranked.balance(slice(k, k + 1), both)
        found = _correlated(mine, ranked.balance(later, both))
        rho[k, later] = rho[later, k] = found
        rounds[k, later] = rounds[later, k] = both.sum(axis=1)
    return rho, rounds


def _correlated(one: Counts, other: Counts) -> Array:
    """The correlation of the rows of one with those of the other."""
    one, other = one.astype(np.int64), other.astype(np.int64)
    shared, squares, others = (
        np.einsum("kt,kt->k", a, b) for a, b in ((one, other), (one, one), (other, other))
    )
    return _ratio(shared, squares, others)


def _all_pairs(balance: Counts) -> Array:
    exact = balance.shape[1] <= WHOLE_IN_DOUBLES
    ranks = balance.astype(np.float64 if exact else np.int64)
    shared = ranks @ ranks.T
    squares = np.diagonal(shared)
    return _ratio(shared, squares[:, None], squares[None, :])


def _ratio(shared: NDArray[Any], one: NDArray[Any], other: NDArray[Any]) -> Array:
    """Within [-1, 1] and exact where the ranks are the same or opposite; NaN of a constant."""
    size = np.sqrt(one.astype(np.float64) * other.astype(np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.clip(np.where(size > 0, shared / size, np.nan), -1.0, 1.0))
