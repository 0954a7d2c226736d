"""Two models of one challenge compared, round by round.

Add here which rounds are compared and what is told of them; avoid the statistics
(``certainty.comparison``).
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from coordinator_pipelines.domain.certainty.comparison import (
    DieboldMariano,
    Interval,
    deciding_rounds,
    diebold_mariano,
    mean_interval,
)
from coordinator_pipelines.domain.certainty.sequence import confidence_sequence
from coordinator_pipelines.domain.certainty.series import ScoreSeries
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import from_microseconds
from coordinator_pipelines.domain.values.content import content_hash

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DecidingRound:
    """A round that the better model would not be the better without."""

    performed_at: datetime
    prediction_config_id: str
    first: float
    second: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the rounds that both models were scored in say of them.

    Differences are the first model's score less the second's. ``better``: the id of the model with
    the better mean; None if they are equal or have no common round.
    """

    models: tuple[str, str]
    rounds: int
    overlap: int
    level: float
    means: tuple[float, float] | None
    difference: float | None
    better: str | None
    interval: Interval | None
    sequence: tuple[float, float] | None
    """Holds however often one looks, from the first of the rounds on; None without bounds."""
    test: DieboldMariano | None
    deciding: int
    """How many rounds decide: the fewest without which the better model would not be it."""
    deciding_rounds: tuple[DecidingRound, ...]
    """The largest of them first."""
    performed_at: tuple[datetime, ...]
    cumulative: Array
    """Sum of the differences up to each round."""

    def thinned(self, most: int) -> list[int]:
        """Places of at most ``most`` rounds to plot, evenly spread, the last one always."""
        step = max(1, -(-self.rounds // most))
        return list(range(self.rounds - 1, -1, -step))[::-1]


def compare(challenge: Challenge, series: ScoreSeries, most_rounds: int) -> Comparison:
    """The two models of a series compared on their common rounds.

    ``series``: of two models and the challenge's active configs. ``most_rounds``: how many of the
    deciding rounds are named.
    """
    both: NDArray[np.bool_] = np.all(~np.isnan(series.values), axis=1)
    common = series.rows(both)
    first, second = common.values.T
    differences = first - second
    n, overlap, sure = len(common), common.overlap, challenge.certainty
    difference = float(differences.mean()) if n else None
    seed = int(content_hash([series.models, differences.tolist()])[:16], 16)
    sign = 1.0 if challenge.score_direction == "desc" else -1.0
    deciding = deciding_rounds(differences)
    configs = [config.id for config in challenge.configs]
    return Comparison(
        models=(series.models[0], series.models[1]),
        rounds=n,
        overlap=overlap,
        level=sure.level,
        means=(float(first.mean()), float(second.mean())) if n else None,
        difference=difference,
        better=series.models[0 if sign * difference > 0 else 1] if difference else None,
        interval=mean_interval(differences, overlap, level=sure.level, draws=sure.draws, seed=seed),
        sequence=_sequence(challenge, common, differences),
        test=diebold_mariano(differences, overlap),
        deciding=len(deciding),
        deciding_rounds=tuple(
            DecidingRound(
                from_microseconds(int(common.performed_at[row])),
                configs[common.config[row]],
                float(first[row]),
                float(second[row]),
            )
            for row in deciding[:most_rounds]
        ),
        performed_at=tuple(from_microseconds(int(at)) for at in common.performed_at),
        cumulative=np.cumsum(differences),
    )


def _sequence(
    challenge: Challenge, common: ScoreSeries, differences: Array
) -> tuple[float, float] | None:
    """None also where a score lies outside the bounds that are declared."""
    bounds = challenge.certainty.score_bounds
    if bounds is None or (common.values < bounds[0]).any() or (common.values > bounds[1]).any():
        return None
    low, high = bounds
    level = challenge.certainty.level
    return confidence_sequence(
        differences, low=low, high=high, level=level, overlap=common.overlap
    ).last
