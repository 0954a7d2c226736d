"""Models that answer what an ensemble of the others says: at once, or once it was published.

Add here how such a copy is told; avoid copies of single models (``copies``) and reading
(``period_answers``).

An ensemble is near to everybody who is in it, so at the same round a model is compared with the
ensemble of the *others*: what is left of it once the model's own part is taken off. Who answers
what the ensemble says is the only one who is not moved by that. Later rounds are compared with the
ensemble as it was published. Where one other alone weighs, a member that is like it copies a
model, or is copied by it, which ``copies`` finds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coordinator_pipelines.domain.checkpoint.copies import (
    ALMOST,
    APART,
    LEAST_ROUNDS,
    MOST_LEFT,
    Matrix,
    Numbers,
    correlations,
    left_of,
    stands_out,
)

FEWEST_OTHERS = 2.0
"""How many others must weigh beside a member, as the effective number 1 / sum of squares."""
LARGEST_PART = 0.5
"""Mean weight from which on an ensemble follows the model, and not the model the ensemble."""
FEWEST_MODELS = 4
"""Below so many other models, how near they are to the ensemble says nothing."""


@dataclass(frozen=True, slots=True)
class EnsembleCopy:
    """A model whose forecasts are an ensemble's."""

    model: int
    ensemble: int
    lag: int
    """How many rounds the model is behind."""
    rounds: int
    left: float
    """What the best affine function of the ensemble leaves of the model: 0 is an exact copy."""


def ensemble_copies(
    forecasts: Numbers, ensembles: Numbers, weights: Numbers, lags: Sequence[int]
) -> list[EnsembleCopy]:
    """The models that answer what an ensemble says, of each the smallest lag.

    Args:
        forecasts: numbers of an answer x rounds x models, as in ``copies``.
        ensembles: numbers of an answer x rounds x ensembles.
        weights: ensembles x rounds x models: of each model in each ensemble; 0 where it has none.
        lags: in rounds, rising.
    """
    found: dict[int, EnsembleCopy] = {}
    for number in range(ensembles.shape[2]):
        said, own = ensembles[:, :, number], weights[number]
        others = _effective_others(own)
        mean = _mean_weight(own, forecasts)
        for lag in lags:
            if lag + LEAST_ROUNDS > said.shape[1]:
                break
            correlation, rounds = _alike(forecasts, said, own, lag)
            may = (mean < LARGEST_PART) & (rounds >= LEAST_ROUNDS)
            if not lag:
                may &= (others >= FEWEST_OTHERS) | (mean == 0)
            near = np.arctanh(np.clip(correlation, -ALMOST, ALMOST))
            for model in np.flatnonzero(may & (correlation >= np.sqrt(1 - MOST_LEFT**2))):
                rest = np.delete(near, model)[np.delete(rounds >= LEAST_ROUNDS, model)]
                at = int(model)
                if at not in found and _is_apart(float(correlation[at]), rest, rounds[at]):
                    found[at] = EnsembleCopy(
                        at, number, lag, int(rounds[at]), left_of(float(correlation[at]))
                    )
    return sorted(found.values(), key=lambda one: (one.left, one.model))


def _is_apart(own: float, others: Matrix, rounds: float) -> bool:
    """Whether a model is far nearer to the ensemble than the others are.

    Among few, the spread of their nearness is not known; it is at least what chance makes of it.
    """
    if len(others) < FEWEST_MODELS:
        return True
    chance = APART / np.sqrt(max(1.0, rounds - 3))
    z = np.arctanh(min(own, ALMOST))
    return bool(z > np.median(others) + chance) and stands_out(own, others)


def _alike(forecasts: Numbers, said: Matrix, own: Matrix, lag: int) -> tuple[Matrix, Matrix]:
    """Least correlation of any number that varies, and common rounds, of each model."""
    least = np.ones(forecasts.shape[2])
    varied = np.zeros(forecasts.shape[2], dtype=bool)
    most = np.zeros(forecasts.shape[2])
    for numbers, ensemble in zip(forecasts, said, strict=True):
        if lag:
            pairs = correlations(ensemble[: len(ensemble) - lag, None], numbers[lag:])
            correlation, varies, rounds = (part[0] for part in pairs)
        else:
            correlation, varies, rounds = _with_others(numbers, ensemble, own)
        least = np.where(varies, np.minimum(least, correlation), least)
        varied, most = varied | varies, np.maximum(most, rounds)
    return np.where(varied, least, 0.0), most


def _with_others(numbers: Matrix, ensemble: Matrix, own: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Of each model with the ensemble without it, in the same round."""
    with np.errstate(invalid="ignore", divide="ignore"):
        rest = (ensemble[:, None] - own * np.where(own > 0, numbers, 0.0)) / (1 - own)
    rest[~(own < 1)] = np.nan
    parts = [
        correlations(rest[:, [model]], numbers[:, [model]]) for model in range(numbers.shape[1])
    ]
    correlation, varies, rounds = (
        np.array([part[place][0, 0] for part in parts]) for place in range(3)
    )
    return correlation, varies, rounds


def _effective_others(own: Matrix) -> Matrix:
    """The mean over rounds of how many others weigh, of each model."""
    total, squares = own.sum(axis=1), (own**2).sum(axis=1)
    rest, left = total[:, None] - own, squares[:, None] - own**2
    effective = np.divide(rest**2, left, out=np.zeros_like(rest), where=left > 1e-12)
    answered = np.maximum((total > 0).sum(), 1)
    others: Matrix = effective.sum(axis=0) / answered
    return others


def _mean_weight(own: Matrix, forecasts: Numbers) -> Matrix:
    """Of each model over the rounds that it answered."""
    answered = (~np.isnan(forecasts)).any(axis=0)
    mean: Matrix = np.where(answered, own, 0.0).sum(axis=0) / np.maximum(answered.sum(axis=0), 1)
    return mean
