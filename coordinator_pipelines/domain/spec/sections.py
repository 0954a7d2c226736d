"""The sections of a spec that need no module of their own: truth, limits, board, and so on.

Add a section here when it is a handful of fields; avoid rules that need another section
(``rules`` holds those).
"""

import math
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.spec.model import (
    Count,
    Fraction,
    Name,
    Number,
    Seconds,
    Shape,
    SpecModel,
    Timeout,
    problem,
)

Direction = Literal["desc", "asc"]
"""``desc``: higher is better. ``asc``: lower is better."""
Convention = Literal["bar_close", "straddling_update", "posted"]
CONVENTIONS: Mapping[Convention, str] = {
    "bar_close": "the price at T is the close of the bar that ends at T",
    "straddling_update": "the price at T is that of the update with "
    "prev_publish_time < T <= publish_time",
    "posted": "the truth of a round is the table of true values that the operator posts",
}
SumStatistic = Literal["mean", "mean_return", "volatility", "sharpe_like", "wealth", "hit_rate"]
"""Of scores, and given by their sums."""
Statistic = Literal[
    SumStatistic,
    "ic", "ic_sharpe", "signal_return", "signal_hit_rate", "sortino_ratio", "turnover",
    "model_correlation", "ensemble_correlation", "contribution", "fnc",
    "max_drawdown", "skill",
]  # fmt: skip
SIGNAL_STATISTICS: tuple[Statistic, ...] = (
    "ic", "ic_sharpe", "signal_return", "signal_hit_rate", "sortino_ratio", "turnover",
    "model_correlation", "ensemble_correlation", "contribution", "fnc",
)  # fmt: skip
"""Of what answers say, round by round; the others are of scores."""
SERIES_STATISTICS: tuple[Statistic, ...] = (*SIGNAL_STATISTICS, "max_drawdown", "skill")
"""Those that need the rounds of their window one by one; sums give the others."""
BETTER_LOWER: tuple[Statistic, ...] = (
    "volatility", "turnover", "model_correlation", "ensemble_correlation",
)  # fmt: skip
AS_SCORES: tuple[Statistic, ...] = ("mean", "mean_return")
"""Better in the ``score_direction``; all others are better higher, but for BETTER_LOWER."""
LEAST_ROUNDS = 10
"""Rounds below which a statistic of signals says nothing, unless a metric says otherwise."""
MissingDataRule = Literal["exclude", "worst", "value", "baseline"]
Membership = Literal["excused", "counted"]
METRIC_NAME = Shape(r"[a-z][a-z0-9_]*", "lowercase letters, digits and '_', a letter first", 40)
MetricName = Annotated[str, AfterValidator(METRIC_NAME)]
Hours = Annotated[int, Field(strict=True, gt=0, le=87600)]
DensityBound = Annotated[float, Field(strict=True, gt=0, le=1e15, allow_inf_nan=False)]
FEWEST_BEYOND = 5
"""Draws beyond each end of an interval, with fewer of which the end is one draw's luck."""
WindowHours = Annotated[dict[MetricName, Hours], Field(min_length=1)]


class TruthSpec(SpecModel):
    """What the outcome of a round is."""

    convention: Convention = "bar_close"
    """Which price is the price at T: a key of :data:`CONVENTIONS`."""
    tie_rule: Literal["void", "down", "up", "half"] | None = None
    """An unchanged price: the round does not count, is down (0), up (1), or half (0.5).
    Truths that are posted know no prices, and none of it."""
    resolution_deadline_seconds: Seconds = 86400
    """After ``resolvable_at`` + this, a round without final records is unresolvable."""

    @model_validator(mode="after")
    def _prices_need_a_tie_rule(self) -> Self:
        if self.convention == "posted":
            if self.tie_rule is not None:
                raise problem("tie_rule", self.tie_rule, "contradicts convention 'posted'")
        elif self.tie_rule is None:
            raise problem("tie_rule", None, "missing; it must be given")
        return self


class LimitsSpec(SpecModel):
    """What one model may use of our time and space."""

    call_timeout_seconds: Timeout = 2.0
    setup_timeout_seconds: Timeout = 30.0
    output_bytes: Count = 262_144
    density_bound: DensityBound = 1e6
    """Largest number that a density may have as a parameter: the size of the question. A
    ``scale`` is at least 1e-18 of it."""
    restarts_per_window: Annotated[int, Field(strict=True, ge=0, le=1000)] = 3
    memory_bytes: Annotated[int, Field(strict=True, ge=256 << 20)] = 2 << 30


def natural_direction(statistic: str) -> Direction:
    """Which way a statistic is better that is no mean of scores."""
    return "asc" if statistic in BETTER_LOWER else "desc"


class MetricSpec(SpecModel):
    """One column of the leaderboard: a statistic of the scores in one trailing window."""

    name: MetricName
    statistic: Statistic
    window: MetricName
    minimum_samples: Count | None = None
    """Rounds of a prediction config below which it is null; None: 10 for a statistic of signals,
    1 for the others."""

    @property
    def better(self) -> Direction | None:
        """Which way it is better; None: as scores are."""
        return None if self.statistic in AS_SCORES else natural_direction(self.statistic)

    @property
    def least_rounds(self) -> int:
        """Rounds below which it is null."""
        default = LEAST_ROUNDS if self.statistic in SIGNAL_STATISTICS else 1
        return self.minimum_samples or default


class SignalSpec(SpecModel):
    """What an answer and an outcome are as numbers, for the statistics of signals."""

    answer: Literal["direction", "mean", "field"] = "direction"
    """P(up) - 1/2 of any answer that tells it; the mean of a density; or a number in the answer."""
    answer_field: Name | None = None
    """The answer's field that holds the number."""
    outcome_field: Name | None = None
    """The field of the truth's payload that holds what came; None: the relative change of price."""

    @model_validator(mode="after")
    def _a_field_is_named_where_one_is_read(self) -> Self:
        if self.answer == "field" and self.answer_field is None:
            raise problem("answer_field", None, "missing; answer 'field' needs it")
        if self.answer != "field" and self.answer_field is not None:
            raise problem("answer_field", self.answer_field, f"contradicts answer '{self.answer}'")
        return self


class RankingSpec(SpecModel):
    """How models are ordered, and what a model must show to be ranked at all."""

    key: MetricName
    direction: Direction = "desc"
    tie_breakers: Annotated[tuple[MetricName, ...], Field(max_length=100)] = ()
    minimum_samples: Count = 30
    """Scores in the key's window below which a model is listed unranked."""
    minimum_coverage: Fraction = 0.5
    """Share of expected rounds answered successfully, below which it is listed unranked."""


class CertaintySpec(SpecModel):
    """How a board says how sure it is."""

    level: Annotated[float, Field(strict=True, ge=0.5, le=0.999, allow_inf_nan=False)] = 0.9
    """Of intervals, rank intervals, tiers and sequences."""
    draws: Annotated[int, Field(strict=True, ge=100, le=10_000)] = 1000
    """How often the rounds of a window are drawn again."""
    baseline_model: Name | None = None
    """Whom models are compared with; None: that of ``missing_data``, if it has one."""
    score_bounds: tuple[Number, Number] | None = None
    """Between what every score lies, for intervals that hold at all times; None: not told."""

    @model_validator(mode="after")
    def _draws_reach_the_tails(self) -> Self:
        beyond = round(self.draws * (1 - self.level) / 2, 9)  # 1 - 0.9 is a little less than 0.1
        if beyond < FEWEST_BEYOND:
            raise problem(
                "draws", self.draws,
                f"too few for level {self.level:g}: only {beyond:.1f} of them lie beyond an end of "
                f"an interval; take {self._fewest_draws()} or more",
            )  # fmt: skip
        return self

    def _fewest_draws(self) -> int:
        return math.ceil(round(2 * FEWEST_BEYOND / (1 - self.level), 6))

    @model_validator(mode="after")
    def _bounds_ascend(self) -> Self:
        if self.score_bounds is not None and self.score_bounds[0] >= self.score_bounds[1]:
            raise problem("score_bounds", list(self.score_bounds), "must be [lowest, highest]")
        return self


class MissingDataSpec(SpecModel):
    """What a round without a valid answer costs, from joining on."""

    default: MissingDataRule = "worst"
    by_status: dict[Literal["FAILED", "TIMEOUT", "ABSTAINED", "ABSENT"], MissingDataRule] = Field(
        default_factory=dict
    )
    value: Annotated[Number, Field(ge=-1e9, le=1e9)] | None = None
    """The score that the rule ``value`` gives."""
    baseline_model: Name | None = None
    """The model whose score in the same round the rule ``baseline`` gives."""
    newcomers: Membership = "excused"
    """Whether the rounds of a window before a model joined count as expected of it."""
    rejoining: Membership = "counted"
    """Whether the rounds between leaving and returning count as expected."""

    def rule(self, outcome: Outcome) -> MissingDataRule:
        """The rule for one outcome that is not SUCCESS."""
        own = (rule for status, rule in self.by_status.items() if status == outcome.value)
        return next(own, self.default)

    @model_validator(mode="after")
    def _rules_have_what_they_need(self) -> Self:
        used = {self.default, *self.by_status.values()}
        for rule, field in (("value", "value"), ("baseline", "baseline_model")):
            given = getattr(self, field)
            if rule in used and given is None:
                raise problem(field, None, f"missing; the rule '{rule}' is used and needs it")
            if rule not in used and given is not None:
                raise problem(field, given, f"contradicts the rules: none of them is '{rule}'")
        return self
