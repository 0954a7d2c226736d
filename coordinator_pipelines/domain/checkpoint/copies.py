"""Forecasts that are too alike to be two ideas: copies across accounts, lagged ones, constants.

Add a way of copying a model here; avoid ensembles (``ensemble_copies``), whose forecasts they are
(``findings``) and reading them (``period_answers``).
Forecasts come as columns of numbers over rounds. A copy is told by how little is left of one
forecast once the best affine function of the other is taken from it: independent models of one
field share a signal, and still differ by far more than that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
"""Rounds x models."""
Numbers = npt.NDArray[np.float64]
"""Numbers of an answer x rounds x models."""

LEAST_ROUNDS = 50
"""Common rounds below which nothing is said of two models."""
MOST_LEFT = 0.03
"""Standard deviation of what is left of a forecast, as a share of its own, up to which it is a
copy. One per cent of noise leaves 0.01; models that share nine tenths of their variance, 0.3."""
DIGITS = 4
LAGS = 5
"""How many rounds later than the original a copy is looked for."""
APART = 6.0
"""How many robust deviations (1.4826 x MAD of Fisher's z) above the other pairs of the field a
copy must stand: where all models answer nearly alike, nobody has copied."""
ALMOST = 1 - 1e-15
FEWEST_PAIRS = 10
"""Below so many other pairs the field says nothing."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two models whose forecasts are alike."""

    first: int
    second: int
    lag: int
    """How many rounds the second is behind the first."""
    rounds: int
    left: float
    """What the best affine function of the first leaves of the second: 0 is an exact copy."""


def copies(forecasts: Numbers, accounts: Sequence[str]) -> list[Likeness]:
    """Pairs of models of different accounts of which one copies the other.

    Args:
        forecasts: numbers of an answer x rounds x models, rounds in the order of time; NaN where
            there is none. All numbers of a copy that vary are copied.
        accounts: of each model.

    A forecast and its opposite are two ideas: only a function that rises counts.

    >>> rng = np.random.default_rng(1)
    >>> one = rng.normal(size=200)
    >>> field = np.column_stack([one, 2 * one + 1, -one, rng.normal(size=200)])
    >>> [(c.first, c.second, c.lag) for c in copies(field[None], ["a", "b", "c", "d"])]
    [(0, 1, 0)]
    """
    found: dict[tuple[int, int], Likeness] = {}
    for lag in range(min(LAGS + 1, forecasts.shape[1])):
        correlation, rounds = _alike(forecasts, lag)
        others = _between(correlation, rounds, accounts)
        for first, second in _candidates(correlation, rounds, accounts, lag):
            pair = min(first, second), max(first, second)
            own = float(correlation[first, second])
            if pair in found or not stands_out(own, others):
                continue
            found[pair] = Likeness(first, second, lag, int(rounds[first, second]), left_of(own))
    return sorted(found.values(), key=lambda one: (one.left, one.first, one.second))


def constants(forecasts: Numbers) -> list[int]:
    """The models none of whose numbers ever changes, of those with enough rounds."""
    if not forecasts.size:
        return []
    counted = (~np.isnan(forecasts)).any(axis=0).sum(axis=0) >= LEAST_ROUNDS
    low = np.where(np.isnan(forecasts), np.inf, forecasts).min(axis=1)
    high = np.where(np.isnan(forecasts), -np.inf, forecasts).max(axis=1)
    return [int(model) for model in np.flatnonzero(counted & (low >= high).all(axis=0))]


def _alike(forecasts: Numbers, lag: int) -> tuple[Matrix, Matrix]:
    """The least correlation of any number that varies, and the fewest common rounds."""
    pairs = [correlations(each[: len(each) - lag], each[lag:]) for each in forecasts]
    least = np.min([np.where(varies, own, 1.0) for own, varies, _ in pairs], axis=0)
    any_varies = np.any([varies for _, varies, _ in pairs], axis=0)
    rounds: Matrix = np.max([rounds for _, _, rounds in pairs], axis=0)
    return np.where(any_varies, least, 0.0), rounds


def correlations(early: Matrix, late: Matrix) -> tuple[Matrix, npt.NDArray[np.bool_], Matrix]:
    """Of each column of one with each of the other, row by row.

    Correlation of one number (0 where only one of them varies), whether either varies, and common
    rounds.
    """
    there, then = ~np.isnan(early), ~np.isnan(late)
    # Centred on each column's own mean first: sums of squares of far numbers would cancel.
    x = np.where(there, early - _means(early), 0.0)
    y = np.where(then, late - _means(late), 0.0)
    a, b = there.astype(float), then.astype(float)
    rounds = a.T @ b
    shared = np.maximum(rounds, 1)
    mean_x, mean_y = (x.T @ b) / shared, (a.T @ y) / shared
    covariance = (x.T @ y) / shared - mean_x * mean_y
    variance_x = np.maximum(((x * x).T @ b) / shared - mean_x**2, 0)
    variance_y = np.maximum((a.T @ (y * y)) / shared - mean_y**2, 0)
    scale = np.sqrt(variance_x * variance_y)
    correlation = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0)
    return np.clip(correlation, -1, 1), (variance_x > 0) | (variance_y > 0), rounds


def _means(values: Matrix) -> Matrix:
    counted = np.maximum((~np.isnan(values)).sum(axis=0), 1)
    means: Matrix = np.nansum(values, axis=0) / counted
    return means


def _candidates(
    correlation: Matrix, rounds: Matrix, accounts: Sequence[str], lag: int
) -> Iterator[tuple[int, int]]:
    least = np.sqrt(1 - MOST_LEFT**2)
    for first, second in np.argwhere((correlation >= least) & (rounds >= LEAST_ROUNDS)):
        in_order = first < second or (lag > 0 and first != second)
        if in_order and accounts[first] != accounts[second]:
            yield int(first), int(second)


def _between(correlation: Matrix, rounds: Matrix, accounts: Sequence[str]) -> Matrix:
    """Fisher's z of all pairs of different accounts."""
    owners = np.asarray(accounts)
    pairs = np.triu(owners[:, None] != owners[None, :], 1) & (rounds >= LEAST_ROUNDS)
    z: Matrix = np.arctanh(np.clip(correlation[pairs], -ALMOST, ALMOST))
    return z


def left_of(correlation: float) -> float:
    """What the best affine function leaves, as a share of the standard deviation.

    Rounded: the last digits depend on the order in which a machine adds up.
    """
    return round(float(np.sqrt(max(0.0, 1 - correlation * correlation))), DIGITS)


def stands_out(own: float, others: Matrix) -> bool:
    """Whether a correlation is far above those of the field, as Fisher's z."""
    if len(others) < FEWEST_PAIRS:
        return True
    middle = np.median(others)
    spread = 1.4826 * np.median(abs(others - middle))
    return bool(np.arctanh(min(own, ALMOST)) > middle + APART * spread)
