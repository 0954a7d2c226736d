"""The ``scoring`` section of a spec: a rule that is built in, and what answers it scores.

Add a rule's name here, and in ``RULES`` what it takes; avoid computing scores
(``answer``).
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from coordinator_pipelines.domain.spec.model import Number, SpecModel, problem

Rule = Literal["brier", "log_score", "position_return", "crps", "pinball", "wis", "energy"]
Answer = Literal["probability", "density", "densities", "samples", "quantiles", "paths"]
"""``densities`` and ``paths``: of the change by the end of each ``step`` of the horizon."""
RULES: Mapping[Rule, tuple[Answer, ...]] = {
    "brier": ("probability",),
    "log_score": ("probability", "density"),
    "position_return": ("probability",),
    "crps": ("density", "samples", "quantiles", "densities", "paths"),
    "pinball": ("quantiles",),
    "wis": ("quantiles",),
    "energy": ("paths",),
}
"""What each rule scores; the first where the spec does not say."""
GAINS: tuple[Rule, ...] = ("brier", "log_score", "position_return")
"""Better higher; the others are losses."""
IN_STEPS: tuple[Answer, ...] = ("densities", "paths")
MOST_LEVELS = 200
MOST_STEPS = 100
Level = Annotated[float, Field(strict=True, gt=0, lt=1, allow_inf_nan=False)]
SAME = 1e-12
"""Difference of two levels that is one of writing: 1 - 0.9 is not 0.1 to the last bit."""


class TailSpec(SpecModel):
    """The part of all changes that is judged: those above, or those below, a threshold."""

    above: Number | None = None
    below: Number | None = None

    @model_validator(mode="after")
    def _one_side_is_named(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise problem("above", self.above, "give either above or below")
        return self


class ScoringSpec(SpecModel):
    """How answers are scored, where it is not by a SCORING_FUNCTION of the challenge's own."""

    rule: Rule
    answer: Answer | None = None
    """What models answer; None: what the rule scores first of all."""
    levels: Annotated[tuple[Level, ...], Field(max_length=MOST_LEVELS)] = ()
    """Of quantiles, ascending."""
    unit: Literal["price", "basis_points"] = "price"
    """Of scores and of ``tail``; basis points are those of the price at the start."""
    bounds: tuple[Number, Number] | None = None
    """Of a log score, which has none by itself."""
    tail: TailSpec | None = None
    """None: all changes are judged."""

    @property
    def form(self) -> Answer:
        """What models answer."""
        return self.answer or RULES[self.rule][0]

    @property
    def in_steps(self) -> bool:
        """Whether an answer tells each step of the horizon."""
        return self.form in IN_STEPS

    @model_validator(mode="after")
    def _the_rule_scores_the_answer(self) -> Self:
        known = RULES[self.rule]
        if self.form not in known:
            raise problem("answer", self.answer, f"'{self.rule}' scores {' or '.join(known)}")
        return self

    @model_validator(mode="after")
    def _levels_are_those_of_quantiles(self) -> Self:
        if self.form != "quantiles":
            if self.levels:
                raise problem("levels", list(self.levels), f"means nothing for {self.form}")
            return self
        if not self.levels:
            raise problem("levels", None, "missing; quantiles need the levels they are of")
        if any(b - a <= SAME for a, b in zip(self.levels, self.levels[1:], strict=False)):
            raise problem("levels", list(self.levels), "must ascend")
        if self.rule == "wis" and not self._central():
            wanted = "must be 0.5 and pairs around it such as 0.1 and 0.9: 'wis' scores intervals"
            raise problem("levels", list(self.levels), wanted)
        return self

    def _central(self) -> bool:
        pairs = zip(self.levels, reversed(self.levels), strict=True)
        return len(self.levels) % 2 == 1 and all(abs(a + b - 1) <= SAME for a, b in pairs)

    @model_validator(mode="after")
    def _a_log_score_is_bounded(self) -> Self:
        if self.rule != "log_score":
            if self.bounds is not None:
                raise problem("bounds", list(self.bounds), f"means nothing for '{self.rule}'")
            return self
        if self.bounds is None:
            missing = "missing; a log score has no worst value of its own: give [lowest, highest]"
            raise problem("bounds", None, missing)
        if self.bounds[0] >= self.bounds[1]:
            raise problem("bounds", list(self.bounds), "must be [lowest, highest]")
        return self

    @model_validator(mode="after")
    def _changes_have_a_unit_and_tails(self) -> Self:
        if self.form == "probability" and self.unit != "price":
            raise problem("unit", self.unit, f"means nothing for '{self.rule}' of a probability")
        if self.tail is not None and self.form not in ("samples", "quantiles"):
            told = self.tail.model_dump(exclude_none=True)
            raise problem("tail", told, f"is not scored of {self.form}; of samples and quantiles")
        return self
