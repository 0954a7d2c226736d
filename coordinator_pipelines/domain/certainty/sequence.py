r"""Anytime-valid intervals: true at all times together, however often somebody looks.

Add here what holds under continuous looking; avoid intervals of one moment (``bootstrap``).

For scores in [low, high], differences d of two models and their predictable guesses g (the mean of
the differences before), the mean of the conditional expectations of d lies for all t at once within

.. math:: \frac{1}{t} \sum_i d_i \pm \frac{1}{t} u\!\left(\sum_i (d_i - g_i)^2\right)

with probability ``level``. The boundary u is the polynomial stitched one for sub-exponential
processes of scale c = 2 (high - low). Nothing is assumed of the rounds: neither independence nor
that the difference stays the same.

A round is resolved only after others were asked. Rounds that are ``overlap`` apart are not touched
by this, so they make a sequence of their own; the sequences share the error between them.

Reference:
    Choe, Y. J. and Ramdas, A. (2023): Comparing sequential forecasters. Operations Research,
    theorem 2 and section 4. Howard, S. R., Ramdas, A., McAuliffe, J. and Sekhon, J. (2021):
    Time-uniform, nonparametric, nonasymptotic confidence sequences. Annals of Statistics 49,
    1055-1080, equation 10 and theorem 4.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ETA, S = 2.0, 1.4
ZETA_OF_S = 3.1055472779775810
"""Riemann's zeta function at S."""


@dataclass(frozen=True, slots=True)
class ConfidenceSequence:
    """Centre and half the width after each round; infinite while nothing is known."""

    centre: Array
    radius: Array

    @property
    def last(self) -> tuple[float, float] | None:
        """The interval after the last round; None if there is none or it is infinite."""
        if len(self.centre) == 0 or not math.isfinite(self.radius[-1]):
            return None
        return float(self.centre[-1] - self.radius[-1]), float(self.centre[-1] + self.radius[-1])


def confidence_sequence(
    differences: Array, *, low: float, high: float, level: float, overlap: int = 1
) -> ConfidenceSequence:
    """Of differences of two scores that both lie in [low, high], in the order of rounds.

    Raises:
        ValueError: a difference is larger than the bounds allow.
    """
    width = high - low
    if len(differences) and np.abs(differences).max() > width * (1 + 1e-9):
        largest = float(np.abs(differences).max())
        raise ValueError(
            f"a difference of {largest:g} is more than bounds {low:g} and {high:g} say"
        )
    count = np.arange(1, len(differences) + 1)
    centre = np.cumsum(differences) / count
    weighted = np.zeros(len(differences))
    for first in range(overlap):
        own = differences[first::overlap]
        bound = _radius_times_count(own, 2 * width, (1 - level) / overlap)
        # What a sequence knows stays until its next round.
        steps = np.full(len(differences), np.nan)
        steps[first::overlap] = bound
        weighted += _held(steps)
    return ConfidenceSequence(centre, weighted / np.maximum(count, 1))


def stitched_boundary(variance: Array, alpha: float, scale: float, start: float) -> Array:
    """The one-sided boundary u(v) with total error ``alpha``, tightest from v = ``start`` on."""
    v = np.maximum(variance, start)
    epochs = np.log(v / start) / math.log(ETA)
    level = S * np.log1p(epochs) + math.log(ZETA_OF_S / alpha)
    k1 = (ETA**0.25 + ETA**-0.25) / math.sqrt(2)
    k2 = (math.sqrt(ETA) + 1) / 2
    return np.asarray(np.sqrt(k1**2 * v * level + (k2 * scale * level) ** 2) + k2 * scale * level)


def _radius_times_count(differences: Array, scale: float, alpha: float) -> Array:
    count = np.arange(1, len(differences) + 1)
    before = np.concatenate([[0.0], (np.cumsum(differences) / count)[:-1]])
    variance = np.cumsum((differences - before[: len(differences)]) ** 2)
    # A quarter of the squared scale: a few rounds' worth, chosen before any is seen.
    return stitched_boundary(variance, alpha / 2, scale, scale**2 / 4)


def _held(steps: Array) -> Array:
    """Each value until the next one; 0 before the first, where no round is counted."""
    known = ~np.isnan(steps)
    last = np.maximum.accumulate(np.where(known, np.arange(len(steps)), -1))
    return np.where(last >= 0, steps[last], 0.0)
