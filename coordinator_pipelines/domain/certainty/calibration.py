r"""Whether probabilities come true as often as they say, and whether a model has changed.

Add here what is told of forecasts and outcomes alone; avoid scores of several models
(``comparison``) and reading answers (``answer.density``).

The Brier score :math:`\frac{1}{n} \sum (x - y)^2` is taken apart by recalibration: r is what the
outcomes say of forecasts like x (isotonic regression), c the mean outcome. Then

.. math:: S(x) = \underbrace{S(x) - S(r)}_{miscalibration} -
    \underbrace{(S(c) - S(r))}_{discrimination} + \underbrace{S(c)}_{uncertainty}

Reference:
    Dimitriadis, T., Gneiting, T. and Jordan, A. I. (2021): Stable reliability diagrams for
    probabilistic classifiers. PNAS 118, e2016191118. Aue, A. and Horvath, L. (2013): Structural
    breaks in time series. Journal of Time Series Analysis 34, 1-16.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEWEST_BLOCKS = 5
"""Of :func:`drift`, each of two rounds at least: with fewer its limit is no guide."""
MOST_POINTS = 100
"""Forecasts at which a diagram is told, at most."""


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The parts of a mean Brier score: miscalibration - discrimination + uncertainty."""

    score: float
    miscalibration: float
    discrimination: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often "yes" came true after each forecast, and between what it would by chance.

    ``forecast`` ascends; ``outcome`` is the isotonic regression; ``low`` and ``high``: where it
    would lie, at the level, if the forecasts were perfectly calibrated.
    """

    forecast: Array
    outcome: Array
    low: Array
    high: Array


def decomposition(forecasts: Array, outcomes: Array) -> Decomposition | None:
    """The Brier score of probabilities in [0, 1] taken apart; None without any.

    ``outcomes``: in [0, 1], in the order of the forecasts.
    """
    if len(forecasts) == 0:
        return None
    score = float(np.mean((forecasts - outcomes) ** 2))
    recalibrated = float(np.mean((_recalibrated(forecasts, outcomes) - outcomes) ** 2))
    uncertainty = float(np.mean((outcomes.mean() - outcomes) ** 2))
    return Decomposition(score, score - recalibrated, uncertainty - recalibrated, uncertainty)


def reliability(
    forecasts: Array, outcomes: Array, *, level: float, draws: int, seed: int
) -> Reliability:
    """The diagram of probabilities, with a band of consistency from outcomes drawn by them.

    There is at least one forecast. At most :data:`MOST_POINTS` of them are told, the least and the
    greatest included.
    """
    said, of, counts = np.unique(forecasts, return_inverse=True, return_counts=True)
    places = np.unique(np.linspace(0, len(said) - 1, MOST_POINTS).round().astype(np.int64))
    places = places[: len(said)]
    source = np.random.Generator(np.random.PCG64(seed))
    drawn = (source.random(len(forecasts)) < forecasts for _ in range(draws))
    bands = np.array([_isotonic(own.astype(np.float64), of, counts)[places] for own in drawn])
    low, high = np.quantile(bands, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Reliability(said[places], _isotonic(outcomes, of, counts)[places], low, high)


def histogram(values: Array, bins: int) -> NDArray[np.int64]:
    """How many of the values of [0, 1] lie in each of equal bins; flat for a calibrated PIT."""
    return np.histogram(values, bins=bins, range=(0.0, 1.0))[0].astype(np.int64)


def coverage(pit: Array, level: float) -> float | None:
    """The share of outcomes within the central interval of the level; None without any.

    ``pit``: the distribution function of each forecast at its outcome.
    """
    if len(pit) == 0:
        return None
    return float(np.mean(np.abs(pit - 0.5) <= level / 2))


def drift(values: Array, length: int) -> float | None:
    """The p-value of "the mean has stayed the same": small where a model has changed.

    None where values are too few or do not vary.

    The CUSUM test: the greatest deviation of partial sums from a straight line, in units of the
    long-run standard deviation, follows the supremum of a Brownian bridge.

    Args:
        values: in the order of rounds.
        length: of a block in rounds, whose variance is that of the long run.
    """
    n = len(values)
    if n < FEWEST_BLOCKS * max(length, 2) or np.ptp(values) == 0:
        return None
    off = values - values.mean()
    sums = np.concatenate([[0.0], np.cumsum(off)])
    blocks = sums[length:] - sums[: len(sums) - length]
    variance = float(np.mean(blocks**2)) / length
    if variance <= 0:
        return None
    return kolmogorov(float(np.abs(sums).max()) / math.sqrt(n * variance))


def kolmogorov(x: float) -> float:
    """P(the supremum of a Brownian bridge's absolute value exceeds x)."""
    from scipy.special import kolmogorov as survival  # noqa: PLC0415  a quarter of a second

    return float(survival(x))


def _recalibrated(forecasts: Array, outcomes: Array) -> Array:
    """What the outcomes say of each forecast; equal ones are told alike."""
    _, of, counts = np.unique(forecasts, return_inverse=True, return_counts=True)
    return np.asarray(_isotonic(outcomes, of, counts)[of])


def _isotonic(outcomes: Array, of: NDArray[np.int64], counts: NDArray[np.int64]) -> Array:
    """The isotonic regression at each distinct forecast, ascending.

    ``of``: the place of each outcome's forecast among them; ``counts``: how often each is there.
    """
    from scipy.optimize import isotonic_regression  # noqa: PLC0415  half a second to import

    means = np.bincount(of, weights=outcomes) / counts
    return np.asarray(isotonic_regression(means, weights=counts.astype(np.float64)).x)
