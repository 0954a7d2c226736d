"""How well one model is calibrated: what its answers said, and what came.

Add here what is told of a model's answers; avoid the statistics (``certainty.calibration``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coordinator_pipelines.domain.answer.density import probability_below, probability_up
from coordinator_pipelines.domain.certainty.blocks import block_length
from coordinator_pipelines.domain.certainty.calibration import (
    Decomposition,
    Reliability,
    coverage,
    decomposition,
    drift,
    histogram,
    reliability,
)
from coordinator_pipelines.domain.certainty.series import score_series
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.content import content_hash

PIT_BINS = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the answers of one model say of "up", and of the size of the change.

    Everything is None where the answers say nothing of the kind.
    """

    rounds: int
    """With an outcome and a probability of "up"."""
    level: float
    brier: Decomposition | None
    reliability: Reliability | None
    sharpness: float | None
    """Mean of p (1 - p): 0 if the model was always certain, 0.25 if it never said anything."""
    drift: float | None
    """How probable it is that its Brier scores vary as they did without any change of it."""
    pit: NDArray[np.int64] | None
    """How many outcomes lay in each tenth of the density that was answered."""
    coverage: float | None
    """The share of outcomes within the central interval, at the level, of the density."""


def calibrated(challenge: Challenge, cells: pd.DataFrame) -> Calibration:
    """The calibration of one model.

    ``cells``: its resolved answers with ``prediction_config_id, performed_at, resolvable_at,
    model_id``, ``output`` (as it is stored, or None), ``outcome`` and ``change`` (of the price).
    """
    level = challenge.certainty.level
    said = _each(cells, lambda output, _: probability_up(output))
    known = ~np.isnan(said) & cells["outcome"].between(0, 1).to_numpy()
    forecasts, outcomes = said[known], cells["outcome"].to_numpy("float64")[known]
    pit = _each(cells, probability_below)
    pit = pit[~np.isnan(pit)]
    seed = int(content_hash([forecasts.tolist(), outcomes.tolist()])[:16], 16)
    return Calibration(
        rounds=len(forecasts),
        level=level,
        brier=decomposition(forecasts, outcomes),
        reliability=reliability(
            forecasts, outcomes, level=level, draws=challenge.certainty.draws, seed=seed
        )
        if len(forecasts)
        else None,
        sharpness=float(np.mean(forecasts * (1 - forecasts))) if len(forecasts) else None,
        drift=_drift(challenge, cells[known].assign(value=(forecasts - outcomes) ** 2)),
        pit=histogram(pit, PIT_BINS) if len(pit) else None,
        coverage=coverage(pit, level),
    )


def _each(cells: pd.DataFrame, read: Callable[[Any, float], float]) -> NDArray[np.float64]:
    """What is read of each answer; NaN where it says nothing of the kind."""
    pairs = zip(cells["output"], cells["change"].tolist(), strict=True)
    return np.array([_read(read, output, change) for output, change in pairs], dtype="float64")


def _read(read: Callable[[Any, float], float], output: Any, change: float) -> float:
    try:
        return read(output, change)
    except ValueError:
        return float("nan")


def _drift(challenge: Challenge, cells: pd.DataFrame) -> float | None:
    """Of the Brier scores in the order of rounds."""
    configs = [config.id for config in challenge.configs]
    series = score_series(cells, configs, sorted(set(cells["model_id"])))
    if len(series) == 0:
        return None
    values = series.values[:, 0]
    return drift(values, block_length(series.values - values.mean(), series.overlap))
