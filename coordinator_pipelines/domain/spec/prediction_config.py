"""The prediction configs of a spec: what is predicted, how often, and how far ahead.

Add a field here when a config must say more; avoid the timeline itself (``domain.timeline``). The
original's spellings are understood here and normalised to one: two spellings of one thing
that disagree are refused.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    model_validator,
)

from coordinator_pipelines.domain.spec.model import (
    TEN_YEARS,
    Flag,
    Name,
    Seconds,
    Shape,
    SpecModel,
    problem,
)
from coordinator_pipelines.domain.timeline.cadence import Cadence

SCOPE_KEY = Shape(r"[A-Za-z0-9][\w.-]*", "letters, digits, '_', '.', '-', not a sign first", 60)
ScopeKey = Annotated[str, AfterValidator(SCOPE_KEY)]


class Schedule(SpecModel):
    """When rounds happen, in seconds; ``prediction_interval_seconds`` is understood too."""

    every_seconds: Seconds
    resolve_after_seconds: Seconds
    offset_seconds: Annotated[int, Field(strict=True, ge=0, le=TEN_YEARS)] = 0

    @model_validator(mode="after")
    def _offset_is_within_the_interval(self) -> Self:
        if self.offset_seconds >= self.every_seconds:
            raise problem(
                "offset_seconds", self.offset_seconds,
                f"must be below every_seconds ({self.every_seconds})",
            )  # fmt: skip
        return self

    def instants(self) -> Iterator[tuple[str, int]]:
        """The durations that decide at which instants a price is needed."""
        yield "every_seconds", self.every_seconds
        yield "resolve_after_seconds", self.resolve_after_seconds
        yield "offset_seconds", self.offset_seconds


class OperatorSchedule(SpecModel):
    """Rounds that an operator opens, each with a feature table; how long they take, in seconds."""

    kind: Literal["operator"]
    answer_within_seconds: Seconds
    """From opening to closing, unless the operator says otherwise when a round is opened."""
    resolve_after_seconds: Seconds
    """From opening until the truth can be posted."""

    def instants(self) -> Iterator[tuple[str, int]]:
        """None of them decides at which instants a price is needed: there are no prices."""
        yield from ()

    @model_validator(mode="after")
    def _closes_before_it_is_resolved(self) -> Self:
        if self.answer_within_seconds > self.resolve_after_seconds:
            raise problem(
                "answer_within_seconds", self.answer_within_seconds,
                f"must not be above resolve_after_seconds ({self.resolve_after_seconds})",
            )  # fmt: skip
        return self


def _kind(schedule: Any) -> str:
    given = isinstance(schedule, OperatorSchedule) or (
        isinstance(schedule, dict) and schedule.get("kind") == "operator"
    )
    return "operator" if given else "interval"


SCHEDULE_KINDS = ("interval", "operator")
AnySchedule = Annotated[
    Annotated[Schedule, Tag("interval")] | Annotated[OperatorSchedule, Tag("operator")],
    Discriminator(_kind),
]


class Scope(SpecModel):
    """What is predicted. Further keys are the challenge's own, for its own builders."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, JsonValue]

    asset: Name
    horizon: Seconds
    step: Seconds

    @model_validator(mode="after")
    def _step_divides_the_horizon(self) -> Self:
        if self.horizon % self.step:
            raise problem("step", self.step, f"does not divide the horizon ({self.horizon})")
        return self


class ScheduledPredictionConfig(SpecModel):
    """One question that is asked again and again. Its id derives from its content."""

    id: Name
    scope_key: ScopeKey
    scope_template: Scope
    schedule: AnySchedule
    active: Flag = True
    order: Annotated[int, Field(strict=True, ge=-(10**6), le=10**6)] = 0
    meta: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def asset(self) -> str:
        """The asset predicted."""
        return self.scope_template.asset

    @property
    def cadence(self) -> Cadence:
        """When its rounds happen."""
        schedule = self.schedule
        if isinstance(schedule, OperatorSchedule):
            return Cadence(None, 0, schedule.resolve_after_seconds)
        return Cadence(
            schedule.every_seconds, schedule.offset_seconds, schedule.resolve_after_seconds
        )

    @property
    def interval_seconds(self) -> int | None:
        """Seconds from round to round; None if an operator opens them."""
        return self.cadence.interval_seconds

    @property
    def is_operated(self) -> bool:
        """Whether an operator opens its rounds."""
        return isinstance(self.schedule, OperatorSchedule)

    @property
    def scope(self) -> dict[str, Any]:
        """The scope as models and builders get it: a copy, theirs to change."""
        return self.scope_template.model_dump()

    def describe(self) -> str:
        """How the config was understood, in a line."""
        schedule, scope = self.schedule, self.scope_template
        if isinstance(schedule, OperatorSchedule):
            return (
                f"{self.id}: {scope.asset}, opened by the operator, answered within "
                f"{schedule.answer_within_seconds} s, resolved after "
                f"{schedule.resolve_after_seconds} s"
            )
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
        config = dict(raw)
        scope, schedule = raw.get("scope_template"), raw.get("schedule")
        if isinstance(scope, dict) and isinstance(schedule, dict):
            config["scope_template"], config["schedule"] = dict(scope), dict(schedule)
            _normalise_durations(config["scope_template"], config["schedule"])
        if config.get("id") is None:
            config["id"] = _content_id(config)
        return config


def config_rows(configs: Sequence[ScheduledPredictionConfig]) -> pd.DataFrame:
    """The configs as ``Ledger.register_configs`` takes them, a row each."""
    rows = [
        {
            "id": config.id,
            "scope_key": config.scope_key,
            "scope_json": json.dumps(config.scope, sort_keys=True),
            "schedule_json": config.schedule.model_dump_json(),
            "active": config.active,
            "order": config.order,
            "meta_json": json.dumps(config.meta, sort_keys=True),
        }
        for config in configs
    ]
    return pd.DataFrame(rows)


def _normalise_durations(scope: dict[str, Any], schedule: dict[str, Any]) -> None:
    """Rename every known spelling in place, and let horizon and resolve_after fill each other.

    The original's default of 0 seconds for resolving means "not given": a prediction that is
    resolved when it is made asks nothing.
    """
    if _same(schedule.get("resolve_after_seconds"), 0):
        del schedule["resolve_after_seconds"]
    _merge(schedule, "schedule", "every_seconds", "prediction_interval_seconds")
    _merge(schedule, "schedule", "resolve_after_seconds", "resolve_horizon_seconds")
    _merge(scope, "scope_template", "horizon", "horizon_seconds")
    _merge(scope, "scope_template", "step", "step_seconds")
    horizon = _one_horizon(scope, schedule)
    scope["horizon"] = schedule["resolve_after_seconds"] = horizon
    scope.setdefault("step", horizon)


def _one_horizon(scope: dict[str, Any], schedule: dict[str, Any]) -> int:
    """The horizon that scope and schedule agree on; said once, whichever says it wrongly."""
    given = {
        f"{where}.{name}": section[name]
        for where, section, name in (
            ("scope_template", scope, "horizon"),
            ("schedule", schedule, "resolve_after_seconds"),
        )
        if name in section
    }
    for field, value in given.items():
        if type(value) is not int or not 0 < value <= TEN_YEARS:
            wanted = "must be a whole number of seconds above 0, at most ten years"
            raise problem(field, "null" if value is None else value, wanted)
    if not given:
        raise problem(
            "schedule.resolve_after_seconds", None,
            "missing; say here or by scope_template.horizon how far ahead is predicted",
        )  # fmt: skip
    horizon, *others = given.values()
    if others and others[0] != horizon:
        contradiction = f"contradicts the horizon in scope_template ({horizon})"
        raise problem("schedule.resolve_after_seconds", others[0], contradiction)
    return int(horizon)


def _merge(section: dict[str, Any], where: str, wanted: str, other: str) -> None:
    if other not in section:
        return
    value = section.pop(other)
    if not _same(section.setdefault(wanted, value), value):
        raise problem(f"{where}.{other}", value, f"contradicts {wanted} ({section[wanted]!r})")


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _content_id(config: dict[str, Any]) -> str:
    """``<scope_key>-<digest>``; what is wrong with the content is said where it is checked."""
    key, schedule = config.get("scope_key"), config.get("schedule")
    if isinstance(schedule, dict):
        schedule = {"offset_seconds": 0, **schedule}
    text = json.dumps([key, config.get("scope_template"), schedule], sort_keys=True, default=str)
    usable = isinstance(key, str) and SCOPE_KEY.fits(key)
    return f"{key if usable else 'config'}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
