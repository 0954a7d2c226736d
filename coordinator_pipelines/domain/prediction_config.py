"""The prediction configs of a spec: what is predicted, how often, and how far ahead.

Add a field here when a config must say more; avoid the timeline itself (``round``). The
original's spellings are understood here and normalised to one: two spellings of one thing
that disagree are refused.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from coordinator_pipelines.domain.round import Cadence
from coordinator_pipelines.domain.spec_model import (
    Flag,
    NonNegativeInt,
    PositiveInt,
    SpecModel,
    WholeNumber,
    problem,
)

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]

_INTERVAL = ("every_seconds", "prediction_interval_seconds")
_HORIZON = ("resolve_after_seconds", "resolve_horizon_seconds")


class Schedule(SpecModel):
    """When rounds happen, in seconds; ``prediction_interval_seconds`` is understood too."""

    every_seconds: PositiveInt
    resolve_after_seconds: PositiveInt
    offset_seconds: NonNegativeInt = 0

    @model_validator(mode="after")
    def _offset_is_within_the_interval(self) -> Self:
        if self.offset_seconds >= self.every_seconds:
            raise problem("offset_seconds", self.offset_seconds, "not below every_seconds")
        return self

    def instants(self) -> Iterator[tuple[str, int]]:
        """The durations that decide at which instants a price is needed."""
        yield "every_seconds", self.every_seconds
        yield "resolve_after_seconds", self.resolve_after_seconds
        yield "offset_seconds", self.offset_seconds


class Scope(SpecModel):
    """What is predicted. Further keys are the challenge's own, for its own builders."""

    model_config = ConfigDict(extra="allow", frozen=True)

    asset: Name
    horizon: PositiveInt
    step: PositiveInt

    @model_validator(mode="after")
    def _step_divides_the_horizon(self) -> Self:
        if self.horizon % self.step:
            raise problem("step", self.step, f"does not divide the horizon ({self.horizon})")
        return self


class ScheduledPredictionConfig(SpecModel):
    """One question that is asked again and again. Its id derives from its content."""

    id: Name
    scope_key: Name
    scope_template: Scope
    schedule: Schedule
    active: Flag = True
    order: WholeNumber = 0
    meta: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def asset(self) -> str:
        """The asset predicted."""
        return self.scope_template.asset

    @property
    def cadence(self) -> Cadence:
        """When its rounds happen."""
        schedule = self.schedule
        return Cadence(
            schedule.every_seconds, schedule.offset_seconds, schedule.resolve_after_seconds
        )

    @property
    def scope(self) -> dict[str, Any]:
        """The scope as models and builders get it."""
        return self.scope_template.model_dump()

    def describe(self) -> str:
        """How the config was understood, in a line."""
        schedule, scope = self.schedule, self.scope_template
        offset = f" + {schedule.offset_seconds} s" if schedule.offset_seconds else ""
        return (
            f"{self.id}: {scope.asset} every {schedule.every_seconds} s{offset}, "
            f"resolved after {schedule.resolve_after_seconds} s (step {scope.step} s)"
        )

    @model_validator(mode="before")
    @classmethod
    def _normalise(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        scope, schedule = raw.get("scope_template"), raw.get("schedule")
        if not isinstance(scope, dict) or not isinstance(schedule, dict):
            return raw
        config = {**raw, "scope_template": dict(scope), "schedule": dict(schedule)}
        _normalise_durations(config["scope_template"], config["schedule"])
        if config.get("id") is None:
            config["id"] = _content_id(config)
        return config


def _normalise_durations(scope: dict[str, Any], schedule: dict[str, Any]) -> None:
    """Rename every known spelling in place, and let horizon and resolve_after fill each other.

    The original's default of 0 seconds for resolving means "not given": a prediction that is
    resolved when it is made asks nothing.
    """
    _merge(schedule, "schedule", _INTERVAL)
    if schedule.get("resolve_after_seconds") == 0:
        del schedule["resolve_after_seconds"]
    _merge(schedule, "schedule", _HORIZON)
    _merge(scope, "scope_template", ("horizon", "horizon_seconds"))
    _merge(scope, "scope_template", ("step", "step_seconds"))
    given = [scope.get("horizon"), schedule.get("resolve_after_seconds")]
    horizon = given[0] if given[0] is not None else given[1]
    if horizon is None:
        raise problem("schedule.resolve_after_seconds", None, "no horizon is given")
    if given[1] is not None and given[1] != horizon:
        raise problem(
            "schedule.resolve_after_seconds", given[1],
            f"contradicts the horizon in scope_template ({horizon})",
        )  # fmt: skip
    scope["horizon"] = schedule["resolve_after_seconds"] = horizon
    scope.setdefault("step", horizon)


def _merge(section: dict[str, Any], where: str, spellings: tuple[str, str]) -> None:
    wanted, other = spellings
    if other not in section:
        return
    value = section.pop(other)
    if section.setdefault(wanted, value) != value:
        raise problem(f"{where}.{other}", value, f"contradicts {wanted} ({section[wanted]})")


def _content_id(config: dict[str, Any]) -> str:
    content = [config.get("scope_key"), config["scope_template"], config["schedule"]]
    text = json.dumps(content, sort_keys=True, default=str)
    return f"{config.get('scope_key')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
