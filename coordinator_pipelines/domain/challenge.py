"""The challenge spec: one validated model, unknown fields forbidden at every level.

Add a field here when a challenge author must be able to say something, with the rule that
makes nonsense of it impossible; avoid reading files (``spec_file``) and importing callables
(``rules``). The prediction configs and the feed have a module each.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, ValidationError, model_validator

from coordinator_pipelines.domain.callables import Callables
from coordinator_pipelines.domain.errors import SpecError
from coordinator_pipelines.domain.feed_spec import FeedSpec
from coordinator_pipelines.domain.ledger import Identity
from coordinator_pipelines.domain.models import Limits, Outcome
from coordinator_pipelines.domain.prediction_config import ScheduledPredictionConfig
from coordinator_pipelines.domain.presets import PRESETS
from coordinator_pipelines.domain.round import BATCH_WINDOWS, SECOND, as_utc, window_of
from coordinator_pipelines.domain.spec_model import (
    Flag,
    Fraction,
    Number,
    PositiveInt,
    PositiveNumber,
    SpecModel,
    Text,
    problem,
)

Direction = Literal["desc", "asc"]
"""``desc``: higher is better. ``asc``: lower is better."""

MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Statistic = Literal["mean", "mean_return", "volatility", "sharpe_like", "wealth", "hit_rate"]
MissingDataRule = Literal["exclude", "worst", "value", "baseline"]


class TruthSpec(SpecModel):
    """What the outcome of a round is."""

    convention: Literal["bar_close"] = "bar_close"
    """``bar_close``: the price at T is the close of the bar that ends at T."""
    tie_rule: Literal["void", "down", "up", "half"]
    """An unchanged price: the round does not count, is down (0), up (1), or half (0.5)."""
    resolution_deadline_seconds: PositiveInt = 86400
    """After ``resolvable_at`` + this, a round without final records is unresolvable."""


class LimitsSpec(SpecModel):
    """What one model may use of our time and space."""

    call_timeout_seconds: PositiveNumber = 2.0
    setup_timeout_seconds: PositiveNumber = 30.0
    output_bytes: PositiveInt = 65536
    restarts_per_window: Annotated[int, Field(strict=True, ge=0)] = 3


class MetricSpec(SpecModel):
    """One column of the leaderboard: a statistic of the scores in one trailing window."""

    name: MetricName
    statistic: Statistic
    window: MetricName


class RankingSpec(SpecModel):
    """How models are ordered, and what a model must show to be ranked at all."""

    key: MetricName
    direction: Direction = "desc"
    tie_breakers: tuple[MetricName, ...] = ()
    minimum_samples: PositiveInt = 30
    """Scores in the key's window below which a model is listed unranked."""
    minimum_coverage: Fraction = 0.5
    """Share of expected rounds answered successfully, below which it is listed unranked."""


class MissingDataSpec(SpecModel):
    """What a round without a valid answer costs, from joining on."""

    default: MissingDataRule = "worst"
    by_status: dict[Literal["FAILED", "TIMEOUT", "ABSTAINED", "ABSENT"], MissingDataRule] = Field(
        default_factory=dict
    )
    value: Number | None = None
    """The score that the rule ``value`` gives."""
    baseline_model: Text | None = None
    """The model whose score in the same round the rule ``baseline`` gives."""
    newcomers: Literal["excused", "counted"] = "excused"
    """Whether the rounds of a window before a model joined count as expected of it."""
    rejoining: Literal["excused", "counted"] = "counted"
    """Whether the rounds between leaving and returning count as expected."""

    def rule(self, outcome: Outcome) -> MissingDataRule:
        """The rule for one outcome that is not SUCCESS."""
        rules: dict[str, MissingDataRule] = {**self.by_status}
        return rules.get(outcome.value, self.default)

    @model_validator(mode="after")
    def _rules_have_what_they_need(self) -> Self:
        used = {self.default, *self.by_status.values()}
        for rule, field in (("value", "value"), ("baseline", "baseline_model")):
            given = getattr(self, field) is not None
            if rule in used and not given:
                raise problem(field, None, f"the rule '{rule}' is used, so it must be given")
            if given and rule not in used:
                raise problem(field, getattr(self, field), f"no rule uses it: '{rule}' is not used")
        return self


WindowHours = dict[MetricName, PositiveInt]
DEFAULT_WINDOWS: WindowHours = {"recent": 24, "steady": 72, "anchor": 168}


def _risk_adjusted(windows: WindowHours) -> dict[str, Any]:
    longest = max(windows, key=lambda name: windows[name])
    names = ("sharpe_like", "wealth", "mean_return", "volatility", "hit_rate")
    return {
        "metrics": [{"name": name, "statistic": name, "window": longest} for name in names],
        "ranking": {"key": "sharpe_like", "tie_breakers": ["wealth", "mean_return"]},
    }


def _windowed_mean(windows: WindowHours) -> dict[str, Any]:
    longest_first = sorted(windows, key=lambda name: -windows[name])
    return {
        "metrics": [{"name": name, "statistic": "mean", "window": name} for name in windows],
        "ranking": {"key": longest_first[0], "tie_breakers": longest_first[1:]},
    }


PROFILES = {"windowed_mean": _windowed_mean, "risk_adjusted": _risk_adjusted}


class Challenge(SpecModel):
    """One competition: everything that the pipeline does follows from this and from data."""

    spec_version: Annotated[Literal["1"], Field(description='"1"')]
    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=60)]
    crunch_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)] = (
        "starter-challenge"
    )
    model_base_classname: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")] = (
        "tracker.TrackerBase"
    )
    preset: Literal["baseline", "realtime", "in-sample", "out-of-sample"] | None = None
    tournament_mode: Literal["realtime", "in-sample", "out-of-sample"] | None = None
    start: Annotated[AwareDatetime, AfterValidator(as_utc)]
    end: Annotated[AwareDatetime, AfterValidator(as_utc)] | None = None
    batch_window: Literal["15m", "1h", "1d"] = "1h"
    checkpoint_interval_seconds: PositiveInt | None = None
    """Period of the checkpoints. Below one batch window it is what it was in the original,
    a loop's sleep, and becomes the refresh interval."""
    refresh_interval_seconds: PositiveInt | None = None
    replay_allowed: Flag = False
    warm_up_seconds: PositiveInt = 7200
    """Length of the one history tick that a fresh model gets before its first round."""
    absence_grace_seconds: PositiveInt = 3600
    models_file: Path = Path("models.yaml")
    feed: FeedSpec
    truth: TruthSpec
    limits: LimitsSpec = LimitsSpec()
    callables: Callables = Callables()
    scheduled_prediction_configs: tuple[ScheduledPredictionConfig, ...]
    score_direction: Direction = "desc"
    trailing_windows_hours: Annotated[WindowHours, Field(min_length=1)] = DEFAULT_WINDOWS
    profile: Literal["windowed_mean", "risk_adjusted"] | None = None
    metrics: tuple[MetricSpec, ...]
    ranking: RankingSpec
    missing_data: MissingDataSpec = MissingDataSpec()

    @classmethod
    def parse(cls, raw: object) -> "Challenge":
        """The challenge that a mapping (from JSON or YAML) describes.

        Raises:
            SpecError: one line per problem, each naming the field and the value.
        """
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise SpecError(explain(error)) from None

    # -- derived --------------------------------------------------------------------------

    @property
    def key(self) -> str:
        """The slug as an identifier: prefix of asset keys."""
        return self.name.replace("-", "_")

    @property
    def window_length(self) -> timedelta:
        """Length of a batch window."""
        return BATCH_WINDOWS[self.batch_window]

    @property
    def statistics_bucket(self) -> timedelta:
        """Length of a statistics bucket: an hour, or the batch window if that is shorter."""
        return min(self.window_length, timedelta(hours=1))

    @property
    def configs(self) -> tuple[ScheduledPredictionConfig, ...]:
        """The active prediction configs, in their order."""
        active = (c for c in self.scheduled_prediction_configs if c.active)
        return tuple(sorted(active, key=lambda c: c.order))

    @property
    def refresh_seconds(self) -> int:
        """Seconds between two refreshes of an open window's board; 5 minutes by default."""
        meant = self.checkpoint_interval_seconds if self._interval_is_refresh else None
        return self.refresh_interval_seconds or meant or 300

    @property
    def checkpoint_seconds(self) -> int:
        """Checkpoint period; a week by default."""
        given = self.checkpoint_interval_seconds
        return 604800 if given is None or self._interval_is_refresh else given

    @property
    def call_limits(self) -> Limits:
        """The bounds of one ask."""
        limits = self.limits
        return Limits(
            limits.call_timeout_seconds,
            limits.setup_timeout_seconds,
            limits.output_bytes,
            limits.restarts_per_window,
        )

    @property
    def identity(self) -> Identity:
        """What the challenge's database belongs to."""
        return Identity(self.name, self.feed.identity)

    @property
    def longest_window_hours(self) -> int:
        """Length of the longest trailing window."""
        return max(self.trailing_windows_hours.values())

    def metric(self, name: str) -> MetricSpec:
        """The metric of a name that the spec knows."""
        return next(metric for metric in self.metrics if metric.name == name)

    def notices(self) -> list[str]:
        """What the user should see of how the spec was understood, a line each."""
        lines = [config.describe() for config in self.configs]
        if self._interval_is_refresh:
            lines.append(
                f"checkpoint_interval_seconds {self.checkpoint_interval_seconds} is shorter than "
                f"one batch window ({self.batch_window}): taken as refresh_interval_seconds; "
                f"checkpoints are every {self.checkpoint_seconds} s"
            )
        return lines

    @property
    def _interval_is_refresh(self) -> bool:
        given = self.checkpoint_interval_seconds
        return given is not None and given < self.window_length.total_seconds()

    # -- rules ----------------------------------------------------------------------------

    @model_validator(mode="before")
    @classmethod
    def _apply_preset_and_profile(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        preset = raw.get("preset")
        spec = {**PRESETS.get(preset, {}), **raw} if isinstance(preset, str) else dict(raw)
        if spec.get("spec_version") == 1 and spec["spec_version"] is not True:
            spec["spec_version"] = "1"
        return _with_profile(_with_tournament_mode(spec))

    @model_validator(mode="after")
    def _dates_lie_on_the_grid(self) -> Self:
        for field, instant in (("start", self.start), ("end", self.end)):
            if instant and window_of(instant, self.window_length).start != instant:
                raise problem(
                    field, instant.isoformat(), f"not on the grid of {self.batch_window} windows"
                )
        if self.end and self.end <= self.start:
            raise problem("end", self.end.isoformat(), "not after start")
        return self

    @model_validator(mode="after")
    def _rounds_are_instants_the_feed_resolves(self) -> Self:
        bar = self.feed.granularity_seconds
        for i, config in enumerate(self.scheduled_prediction_configs):
            where = f"scheduled_prediction_configs[{i}]"
            for field, value in config.schedule.instants():
                if value % bar:
                    raise problem(
                        f"{where}.schedule.{field}", value,
                        f"not a multiple of feed.granularity_seconds ({bar}): the feed has no "
                        "price at that instant",
                    )  # fmt: skip
            if config.asset not in self.feed.subjects:
                raise problem(
                    f"{where}.scope_template.asset", config.asset,
                    f"not among feed.subjects ({', '.join(self.feed.subjects)})",
                )  # fmt: skip
            if config.scope_template.model_extra and not self.callables.reads_scope:
                raise problem(
                    f"{where}.scope_template", sorted(config.scope_template.model_extra),
                    "unknown keys: nothing reads them without a PREDICTION_SCOPE_BUILDER or a "
                    "PREDICT_CALL_BUILDER of the challenge's own",
                )  # fmt: skip
            if config.active and self.limits.call_timeout_seconds > config.schedule.every_seconds:
                raise problem(
                    "limits.call_timeout_seconds", self.limits.call_timeout_seconds,
                    f"longer than the interval of {where} ({config.schedule.every_seconds} s)",
                )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _configs_are_distinct(self) -> Self:
        ids = [config.id for config in self.scheduled_prediction_configs]
        for i, config in enumerate(self.scheduled_prediction_configs):
            if ids.index(config.id) != i:
                raise problem(
                    f"scheduled_prediction_configs[{i}].id", config.id,
                    f"the same as of scheduled_prediction_configs[{ids.index(config.id)}]",
                )  # fmt: skip
        if not self.configs:
            raise problem("scheduled_prediction_configs", ids, "none is active")
        return self

    @model_validator(mode="after")
    def _feed_can_answer_in_time(self) -> Self:
        feed = self.feed
        least = feed.granularity_seconds * (
            -(-feed.publication_delay_seconds // feed.granularity_seconds)
        )
        if feed.staleness_limit_seconds < least:
            raise problem(
                "feed.staleness_limit_seconds", feed.staleness_limit_seconds,
                f"even a healthy feed is {least:g} s old when a round opens "
                "(granularity and publication delay): every round would be VOID",
            )  # fmt: skip
        witness = feed.granularity_seconds + feed.publication_delay_seconds
        if self.truth.resolution_deadline_seconds < witness:
            raise problem(
                "truth.resolution_deadline_seconds", self.truth.resolution_deadline_seconds,
                f"a bar is proven final {witness:g} s after its end at the earliest",
            )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _ranking_uses_metrics_produced(self) -> Self:
        names = [metric.name for metric in self.metrics]
        for i, metric in enumerate(self.metrics):
            if metric.window not in self.trailing_windows_hours:
                raise problem(
                    f"metrics[{i}].window", metric.window,
                    f"not among trailing_windows_hours ({', '.join(self.trailing_windows_hours)})",
                )  # fmt: skip
            if names.index(metric.name) != i:
                raise problem(f"metrics[{i}].name", metric.name, "used twice")
        hours = list(self.trailing_windows_hours.values())
        if len(set(hours)) != len(hours):
            raise problem("trailing_windows_hours", hours, "two windows have the same length")
        wanted = (self.ranking.key, *self.ranking.tie_breakers)
        for i, name in enumerate(wanted):
            field = "ranking.key" if i == 0 else f"ranking.tie_breakers[{i - 1}]"
            if name not in names:
                raise problem(field, name, f"not among the metrics ({', '.join(names)})")
            if wanted.index(name) != i:
                raise problem(field, name, "it decides already")
        if (
            self.metric(self.ranking.key).statistic == "mean"
            and self.ranking.direction != self.score_direction
        ):
            raise problem(
                "ranking.direction", self.ranking.direction,
                f"contradicts score_direction ({self.score_direction}) for a mean of scores",
            )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _intervals_agree(self) -> Self:
        window = int(self.window_length / SECOND)
        if self.checkpoint_seconds % window:
            raise problem(
                "checkpoint_interval_seconds", self.checkpoint_seconds,
                f"not a multiple of the batch window ({window} s)",
            )  # fmt: skip
        explicit = self.refresh_interval_seconds
        if self._interval_is_refresh and explicit not in (None, self.checkpoint_interval_seconds):
            raise problem(
                "checkpoint_interval_seconds", self.checkpoint_interval_seconds,
                f"shorter than a batch window, so it means the refresh interval, and contradicts "
                f"refresh_interval_seconds ({explicit})",
            )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _out_of_sample_is_never_replayed(self) -> Self:
        if self.tournament_mode == "out-of-sample" and self.replay_allowed:
            raise problem(
                "replay_allowed", True, "contradicts tournament_mode out-of-sample: its "
                "predictions are made live or not at all",
            )  # fmt: skip
        return self


def _with_tournament_mode(spec: dict[str, Any]) -> dict[str, Any]:
    """The label that the original's presets put into each scope, lifted to the challenge."""
    configs = spec.get("scheduled_prediction_configs")
    if not isinstance(configs, list):
        return spec
    lifted = []
    for i, config in enumerate(configs):
        scope = config.get("scope_template") if isinstance(config, dict) else None
        if isinstance(scope, dict) and "tournament_mode" in scope:
            mode = scope["tournament_mode"]
            if spec.setdefault("tournament_mode", mode) != mode:
                field = f"scheduled_prediction_configs[{i}].scope_template.tournament_mode"
                raise problem(field, mode, f"contradicts {spec['tournament_mode']!r}")
            rest = {key: value for key, value in scope.items() if key != "tournament_mode"}
            config = {**config, "scope_template": rest}  # noqa: PLW2901 (a changed copy)
        lifted.append(config)
    return {**spec, "scheduled_prediction_configs": lifted}


def _with_profile(spec: dict[str, Any]) -> dict[str, Any]:
    """Metrics and ranking from the named profile, where the spec does not list its own."""
    if spec.get("metrics") is not None:
        if spec.get("profile") is not None:
            raise problem("profile", spec["profile"], "contradicts metrics: give one of them")
        return spec
    windows = spec.get("trailing_windows_hours", DEFAULT_WINDOWS)
    profile = PROFILES.get(spec.get("profile") or "windowed_mean")
    if profile is None or not isinstance(windows, dict) or not windows:
        return {"metrics": [], "ranking": {}, **spec}
    if not all(isinstance(hours, int) for hours in windows.values()):
        return {"metrics": [], "ranking": {}, **spec}
    defaults = profile(windows)
    ranking = spec.get("ranking", {})
    if isinstance(ranking, dict) and "key" not in ranking:
        direction = {"direction": spec.get("score_direction", "desc")}
        ranking = {**direction, **defaults["ranking"], **ranking}
    return {**spec, "metrics": defaults["metrics"], "ranking": ranking}


def explain(error: ValidationError) -> str:
    """A validation error as one line per problem: field, what is wrong, the value."""
    return "\n".join(_line(item) for item in error.errors(include_url=False))


def _line(item: Any) -> str:
    loc = item["loc"]
    field = ""
    for i, step in enumerate(loc):
        if i and loc[i - 1] == "feed" and step in ("file", "simulated"):
            continue  # the discriminator's branch is no field
        field += f"[{step}]" if isinstance(step, int) else f".{step}" if field else str(step)
    context = item.get("ctx", {})
    field = ".".join(part for part in (field, context.get("field")) if part) or "spec"
    value = context.get("value", item["input"])
    if item["type"] == "extra_forbidden":
        return f"{field}: unknown field (value {_shown(value)}); remove it or correct its name"
    if item["type"] == "missing":
        return f"{field}: missing; it must be given"
    return f"{field}: {item['msg']} (value {_shown(value)})"


def _shown(value: object) -> str:
    text = value.isoformat() if isinstance(value, datetime) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
