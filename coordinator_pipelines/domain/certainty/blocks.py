"""How long a block of rounds must be, so that blocks are nearly independent of each other.

Add here what chooses a length; avoid drawing blocks (``bootstrap``).

Written with columns: ``arch.bootstrap.optimal_block_length``, which the tests compare with, takes
one series after the other and costs a second and a half of import in every run.
"""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

OVERLAPS_PER_BLOCK = 2
"""With fewer, the variance of blocks would miss a part of what overlapping horizons share."""


def block_length(columns: Array, overlap: int) -> int:
    """One length in rounds for all columns, so that they can be drawn together.

    The median of the columns' own optimal lengths, and at least twice the overlap of horizons.
    ``columns``: [round, series].
    """
    own = optimal_block_lengths(columns) if columns.size else np.ones(1)
    least = OVERLAPS_PER_BLOCK * overlap if overlap > 1 else 1
    return max(least, math.ceil(float(np.median(own))))


def optimal_block_lengths(columns: Array) -> Array:
    """The length for a circular block bootstrap of the mean of each column; 1 if it is constant.

    Reference:
        Politis, D. N. and White, H. (2004): Automatic block-length selection for the dependent
        bootstrap. Econometric Reviews 23, 53-70; corrected by Patton, A., Politis, D. N. and White,
        H. (2009), Econometric Reviews 28, 372-375.
    """
    rounds = len(columns)
    if rounds < 4:
        return np.ones(columns.shape[1])
    off = columns - columns.mean(axis=0)
    # Of a constant column nothing is left but the rounding of its mean.
    off[:, np.ptp(columns, axis=0) == 0] = 0.0
    largest = np.abs(off).max(axis=0)
    off /= np.where(largest > 0, largest, 1.0)  # squares of it do not overflow
    insignificant = max(5, int(math.log10(rounds)))
    most = min(math.ceil(math.sqrt(rounds)) + insignificant, rounds - 2)
    covariances, correlations = _autocovariances(off, most)
    lags = _significant_lags(correlations, insignificant, rounds)
    window = np.minimum(np.where(lags > 0, 2 * np.maximum(lags, 1), most), most)
    lag = np.arange(most + 1)[:, None]
    weight = np.clip(2 * (1 - lag / window), 0.0, 1.0) * np.where(lag == 0, 1.0, 2.0)
    slope = (weight * lag * covariances).sum(axis=0)
    long_run = (weight * covariances).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        length = np.cbrt(2 * slope**2 / (4 / 3 * long_run**2)) * np.cbrt(rounds)
    longest = math.ceil(min(3 * math.sqrt(rounds), rounds / 3))
    return np.clip(np.where(np.isfinite(length), length, 1.0), 1.0, longest)


def _autocovariances(off: Array, most: int) -> tuple[Array, Array]:
    """Autocovariances and absolute autocorrelations [lag, series] of columns with mean 0."""
    rounds = len(off)
    products = np.array(
        [np.einsum("ij,ij->j", off[lag:], off[: rounds - lag]) for lag in range(most + 1)]
    )
    squares = np.vstack([np.zeros(off.shape[1]), np.cumsum(off**2, axis=0)])
    lag = np.arange(most + 1)
    late = squares[-1] - squares[lag + 1]
    early = squares[rounds - 1 - lag]
    scale = np.sqrt(late * early)
    correlations = np.divide(np.abs(products), scale, out=np.zeros_like(scale), where=scale > 0)
    return products / rounds, correlations


def _significant_lags(correlations: Array, run: int, rounds: int) -> NDArray[np.int64]:
    """The lag after which ``run`` correlations in a row are insignificant, 0 if none is.

    A lag of 0 counts as 1, as in the reference.
    """
    small = correlations < 2 * math.sqrt(math.log10(rounds) / rounds)
    counts = np.vstack([np.zeros(small.shape[1]), np.cumsum(small, axis=0)])
    starts = np.arange(len(small) - run)
    if len(starts) == 0:
        return np.zeros(small.shape[1], dtype=np.int64)
    quiet = counts[starts + run] - counts[starts] == run
    found = quiet.any(axis=0)
    return np.where(found, np.maximum(quiet.argmax(axis=0), 1), 0).astype(np.int64)
