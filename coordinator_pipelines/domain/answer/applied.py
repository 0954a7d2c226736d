"""Rules of ``metrics`` applied to answers of one kind and size, and to what came of their rounds.

Add here how a rule is applied; avoid formulas (``metrics``) and reading answers (``built_in``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coordinator_pipelines.domain.metrics.brier import brier_probability_up
from coordinator_pipelines.domain.metrics.crps import crps_normal_mixture
from coordinator_pipelines.domain.metrics.log_score import log_density, log_probability
from coordinator_pipelines.domain.metrics.position_return import position_return
from coordinator_pipelines.domain.metrics.quantiles import (
    crps_quantiles,
    pinball,
    weighted_interval_score,
)
from coordinator_pipelines.domain.metrics.samples import (
    crps_samples,
    energy_score,
    threshold_weighted,
)
from coordinator_pipelines.domain.spec.scoring import GAINS, Answer, ScoringSpec

Array = NDArray[np.float64]

BASIS_POINTS = 1e4
CHANGES = "changes"
"""The field of a truth in steps: the change of the price since the start, at the end of each."""
QUANTILE_RULES: Mapping[str, Callable[..., Array]] = {
    "crps": crps_quantiles,
    "pinball": pinball,
    "wis": weighted_interval_score,
}


@dataclass(frozen=True, slots=True)
class Came:
    """What came of some rounds."""

    entry: Array
    resolved: Array
    outcome: Array
    paths: list[list[float]] | None
    """Of rounds in steps."""

    @classmethod
    def of(cls, frame: pd.DataFrame, in_steps: bool) -> "Came":
        """What a batch-wise scorer is told of it."""
        paths = [truth[CHANGES] for truth in frame["ground_truth"]] if in_steps else None
        columns = ("entry_price", "resolved_price", "outcome")
        entry, resolved, outcome = (frame[name].to_numpy("float64") for name in columns)
        return cls(entry, resolved, outcome, paths)

    @property
    def change(self) -> Array:
        """Of the price."""
        return self.resolved - self.entry

    @property
    def path(self) -> Array:
        """[round, step]."""
        return np.array(self.paths, dtype="float64")

    @property
    def unit(self) -> Array:
        """A basis point, in the unit of prices."""
        return self.entry / BASIS_POINTS

    def misfit(self, row: int, steps: int) -> str | None:
        """Why an answer of so many steps does not fit the round, if it does not."""
        if self.paths is None or len(self.paths[row]) == steps:
            return None
        return f"the answer has {steps} steps, and the round {len(self.paths[row])}"

    def at(self, rows: list[int]) -> "Came":
        """Of some of the rounds."""
        paths = None if self.paths is None else [self.paths[row] for row in rows]
        return Came(self.entry[rows], self.resolved[rows], self.outcome[rows], paths)


def scores(scoring: ScoringSpec, said: Array, came: Came, *, descending: bool) -> Array:
    """Scores of answers of one size, in the unit that the spec names.

    Args:
        scoring: names the rule.
        said: the answers: ``probability`` [round, up or down]; ``density`` [round, (weight, loc,
            scale), component]; ``densities`` [round, step, (weight, loc, scale), component];
            ``samples`` [round, draw]; ``quantiles`` [round, level]; ``paths`` [round, step, draw].
        came: of the same rounds.
        descending: whether scores are to be better higher; losses are turned negative then.
    """
    values = _RULES[scoring.form](scoring, said, came)
    if scoring.unit == "basis_points":
        of_log = scoring.rule == "log_score"
        values = values + np.log(came.unit) if of_log else values / came.unit
    if scoring.bounds is not None:
        values = np.clip(values, *scoring.bounds)
    return values if (scoring.rule in GAINS) == descending else -values


def _score_probability(scoring: ScoringSpec, said: Array, came: Came) -> Array:
    up, down = said.T
    if scoring.rule == "position_return":
        return position_return(up, came.entry, came.resolved)
    if scoring.rule == "log_score":
        return log_probability(up, down, came.outcome)
    fell = came.outcome < 0.5  # judged by the smaller side, which has all its digits
    return brier_probability_up(
        np.where(fell, down, up), np.where(fell, 1 - came.outcome, came.outcome)
    )


def _score_density(scoring: ScoringSpec, said: Array, came: Came) -> Array:
    weight, loc, scale = np.moveaxis(said, 1, 0)
    rule = log_density if scoring.rule == "log_score" else crps_normal_mixture
    return rule(weight, loc, scale, came.change)


def _score_densities(_: ScoringSpec, said: Array, came: Came) -> Array:
    weight, loc, scale = np.moveaxis(said, 2, 0)
    return np.asarray(crps_normal_mixture(weight, loc, scale, came.path).mean(axis=-1))


def _score_samples(scoring: ScoringSpec, said: Array, came: Came) -> Array:
    return crps_samples(*_of_tail(scoring, said, came))


def _score_quantiles(scoring: ScoringSpec, said: Array, came: Came) -> Array:
    return QUANTILE_RULES[scoring.rule](scoring.levels, *_of_tail(scoring, said, came))


def _score_paths(scoring: ScoringSpec, said: Array, came: Came) -> Array:
    if scoring.rule == "energy":
        return energy_score(np.ascontiguousarray(said.swapaxes(1, 2)), came.path)
    return np.asarray(crps_samples(said, came.path).mean(axis=-1))


_RULES: Mapping[Answer, Callable[[ScoringSpec, Array, Came], Array]] = {
    "probability": _score_probability,
    "density": _score_density,
    "densities": _score_densities,
    "samples": _score_samples,
    "quantiles": _score_quantiles,
    "paths": _score_paths,
}


def _of_tail(scoring: ScoringSpec, said: Array, came: Came) -> tuple[Array, Array]:
    """Numbers and outcomes as the rule takes them, where it judges a tail."""
    if scoring.tail is None:
        return said, came.change
    unit = came.unit if scoring.unit == "basis_points" else np.ones(len(came.entry))
    ends = {name: end * unit for name, end in scoring.tail.model_dump(exclude_none=True).items()}
    of_rows = {name: end[:, None] for name, end in ends.items()}
    return threshold_weighted(said, **of_rows), threshold_weighted(came.change, **ends)
