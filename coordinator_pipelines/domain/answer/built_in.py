"""The rules that a spec may name instead of code: what they take, and what they make of it.

Add here how a rule of ``metrics`` is applied to answers and prices; avoid formulas (``metrics``)
and how answers are written (``forecast``, ``density``).

Answers are of the change of the price since ``performed_at``. They are decoded one by one, and
scored all at once, those of one size together. An answer that cannot be scored fails alone.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coordinator_pipelines.domain.answer import forecast
from coordinator_pipelines.domain.answer.applied import CHANGES, Came, scores
from coordinator_pipelines.domain.answer.density import (
    normal_mixture,
    normal_mixtures,
    probabilities,
)
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.scoring import ScoringSpec
from coordinator_pipelines.domain.values.content import content_hash

Array = NDArray[np.float64]
Verdicts = pd.DataFrame
"""``value, success, failed_reason``, with the index of the frame that was scored."""

VERSION = 1
"""Of this module: raised when the same answer gets another score."""
AT_ONCE = 1 << 20
"""Numbers that one call of a rule works on: memory stays within some tens of megabytes."""


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """The rule of one challenge."""

    scoring: ScoringSpec
    bound: float
    """Most that a number of an answer may be away from 0."""
    steps: frozenset[int]
    """How many steps the rounds have."""
    descending: bool
    """Whether scores are better higher."""

    @classmethod
    def of(cls, challenge: Challenge) -> "BuiltIn | None":
        """The rule that a challenge names, if it does."""
        if challenge.scoring is None:
            return None
        scopes = [config.scope_template for config in challenge.scheduled_prediction_configs]
        return cls(
            challenge.scoring,
            challenge.limits.density_bound,
            frozenset(scope.horizon // scope.step for scope in scopes),
            challenge.score_direction == "desc",
        )

    @property
    def scorer(self) -> str:
        """What is stored with each score: the rule, its version, and a digest of its settings."""
        settings = {**self.scoring.model_dump(mode="json"), "descending": self.descending}
        return f"scoring.{self.scoring.rule}@{VERSION}+{content_hash(settings)[:12]}"

    def check(self, output: Any) -> None:
        """Refuse an answer that the rule cannot score.

        Raises:
            ValueError: the text says what is wrong.
        """
        self._read(output)

    def score(self, frame: pd.DataFrame) -> Verdicts:
        """The scores of a frame as a batch-wise scorer gets it (``author.scorer``)."""
        answers: dict[int, Array] = {}
        reasons: dict[int, str | None] = {}
        came, values = Came.of(frame, self.scoring.in_steps), np.full(len(frame), np.nan)
        for row, output in enumerate(frame["output"]):
            try:
                answers[row] = self._read(output)
                reasons[row] = came.misfit(row, len(answers[row]))
            except ValueError as error:
                reasons[row] = str(error)
        for rows in self._together({row: answers[row] for row in answers if not reasons[row]}):
            said = np.stack([answers[row] for row in rows])
            values[rows] = scores(self.scoring, said, came.at(rows), descending=self.descending)
        columns = {
            "value": values,
            "success": [reason is None for reason in reasons.values()],
            "failed_reason": list(reasons.values()),
        }
        return pd.DataFrame(columns, index=frame.index)

    def resolve(self, prediction: Mapping[str, Any], context: Any) -> dict[str, Any] | None:
        """The truth of a round in steps, as a GROUND_TRUTH_RESOLVER tells it: ``{"changes"}``.

        None if a price is missing at the end of a step.
        """
        prices = dict(context.prices(prediction["scope"]["asset"]))
        start = int(prediction["performed_at"].timestamp())
        step, horizon = (prediction["scope"][name] for name in ("step", "horizon"))
        ends = range(start + step, start + horizon + 1, step)
        if not all(end in prices for end in ends):
            return None
        return {CHANGES: [prices[end] - prediction["entry_price"] for end in ends]}

    def _read(self, output: Any) -> Array:
        """The numbers of an answer; the first axis is that of steps, if it has any."""
        return np.array(self._numbers(output), dtype="float64")

    def _numbers(self, output: Any) -> Any:
        form = self.scoring.form
        if form == "probability":
            return probabilities(output)
        if form == "density":
            return _parameters(normal_mixture(output))
        if form == "densities":
            mixtures = normal_mixtures(output)
            forecast.check_steps(len(mixtures), self.steps)
            most = max(len(mixture["weight"]) for mixture in mixtures)
            return [_parameters(mixture, most) for mixture in mixtures]
        if form == "samples":
            return forecast.samples(output, self.bound)
        if form == "quantiles":
            return forecast.quantiles(output, self.scoring.levels, self.bound)
        return list(zip(*forecast.paths(output, self.steps, self.bound), strict=True))

    def _together(self, answers: dict[int, Array]) -> Iterator[list[int]]:
        """Rows of one size, so many at once as memory is meant for."""
        sizes: dict[tuple[int, ...], list[int]] = {}
        for row, answer in answers.items():
            sizes.setdefault(answer.shape, []).append(row)
        of_pairs = self.scoring.form in ("density", "densities")
        for shape, rows in sizes.items():
            size = math.prod(shape) * (shape[-1] if of_pairs else 1)
            most = max(1, AT_ONCE // size)
            yield from (rows[first : first + most] for first in range(0, len(rows), most))


def _parameters(mixture: Mapping[str, list[float]], components: int = 0) -> list[list[float]]:
    """Weights, means and widths; filled up to so many components with some of no weight."""
    missing = max(0, components - len(mixture["weight"]))
    weight, loc, scale = (mixture[name] for name in ("weight", "loc", "scale"))
    return [weight + [0.0] * missing, loc + loc[:1] * missing, scale + scale[:1] * missing]
