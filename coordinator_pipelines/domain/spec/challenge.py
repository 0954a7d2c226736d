"""The challenge spec: one validated model, unknown fields forbidden at every level.

Add a field here when a challenge author must be able to say something, with the rule that
makes nonsense of it impossible (``rules``); avoid reading files (``spec_file``),
importing callables (``author.rules``) and defaults that depend on other fields (``defaults``).
Larger sections have a module each.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from coordinator_pipelines.domain.doors.ledger import Identity
from coordinator_pipelines.domain.doors.models import Limits
from coordinator_pipelines.domain.spec.call_shape import CallShape
from coordinator_pipelines.domain.spec.callables import Callables
from coordinator_pipelines.domain.spec.defaults import (
    DEFAULT_BASE_CLASS,
    DEFAULT_WINDOWS,
    filled_in,
    own_package,
)
from coordinator_pipelines.domain.spec.emission import EmissionSpec
from coordinator_pipelines.domain.spec.ensemble import EnsembleSpec
from coordinator_pipelines.domain.spec.feed import FeedSpec, ReferenceFeedSpec
from coordinator_pipelines.domain.spec.model import (
    FilePath,
    Flag,
    Instant,
    Seconds,
    Shape,
    SpecModel,
)
from coordinator_pipelines.domain.spec.prediction_config import ScheduledPredictionConfig
from coordinator_pipelines.domain.spec.scoring import ScoringSpec
from coordinator_pipelines.domain.spec.season import SeasonSpec
from coordinator_pipelines.domain.spec.sections import (
    SERIES_STATISTICS,
    SIGNAL_STATISTICS,
    CertaintySpec,
    Direction,
    LimitsSpec,
    MetricSpec,
    MissingDataSpec,
    RankingSpec,
    SignalSpec,
    TruthSpec,
    WindowHours,
)
from coordinator_pipelines.domain.timeline.window import BATCH_WINDOWS


def _spec_version(value: Any) -> Any:
    """The version as text; the original took the number 1 as well."""
    return "1" if type(value) is int and value == 1 else value


SpecVersion = Annotated[Literal["1"], BeforeValidator(_spec_version)]
SLUG = Shape(r"[a-z0-9]+(?:-[a-z0-9]+)*", "a lowercase slug such as btc-up-down", 60)
Slug = Annotated[str, AfterValidator(SLUG)]
WEB_ADDRESS = Shape(r"https?://[^\s\"'<>]+", "an address such as https://example.org/join", 500)
CrunchId = Annotated[
    str,
    AfterValidator(
        Shape(r"[A-Za-z0-9]+(?:[_.-][A-Za-z0-9]+)*", "an id such as starter-challenge", 100)
    ),
]
ClassPath = Annotated[
    str,
    AfterValidator(
        Shape(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", "'<module>.<class>', as tracker.TrackerBase", 200)
    ),
]


class Challenge(SpecModel):
    """One competition: everything that the pipeline does follows from this and from data."""

    spec_version: SpecVersion
    name: Slug
    title: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """The challenge's name for people; None: the slug in words."""
    question: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """What models are asked, in a sentence; None: only what the schedule says."""
    join_url: Annotated[str, AfterValidator(WEB_ADDRESS)] | None = None
    """Where whoever wants to take part reads how."""
    crunch_id: CrunchId = "starter-challenge"
    model_base_classname: ClassPath = DEFAULT_BASE_CLASS
    preset: (
        Literal["baseline", "realtime", "in-sample", "out-of-sample", "density", "tournament"]
        | None
    ) = None
    tournament_mode: Literal["realtime", "in-sample", "out-of-sample"] | None = None
    start: Instant
    end: Instant | None = None
    batch_window: Literal["15m", "1h", "1d"] = "1h"
    checkpoint_interval_seconds: Seconds | None = None
    """Period of the checkpoints. Below one batch window it is what it was in the original,
    a loop's sleep, and becomes the refresh interval."""
    refresh_interval_seconds: Seconds | None = None
    replay_allowed: Flag = False
    warm_up_seconds: Seconds = 7200
    """Length of the history that a fresh model is told before its first round."""
    absence_grace_seconds: Seconds = 3600
    models_file: FilePath = Path("models.yaml")
    feed: FeedSpec
    reference_feed: ReferenceFeedSpec | None = None
    truth: TruthSpec
    model_interface: CallShape = CallShape()
    limits: LimitsSpec = LimitsSpec()
    callables: Callables = Callables()
    scheduled_prediction_configs: Annotated[
        tuple[ScheduledPredictionConfig, ...], Field(min_length=1, max_length=1000)
    ]
    scoring: ScoringSpec | None = None
    """A rule that is built in; None: ``callables.SCORING_FUNCTION``."""
    score_direction: Direction = "desc"
    trailing_windows_hours: WindowHours = DEFAULT_WINDOWS
    profile: Literal["windowed_mean", "risk_adjusted", "signal"] | None = None
    metrics: Annotated[tuple[MetricSpec, ...], Field(min_length=1, max_length=1000)]
    ranking: RankingSpec
    missing_data: MissingDataSpec = MissingDataSpec()
    ensembles: Annotated[tuple[EnsembleSpec, ...], Field(max_length=20)] = ()
    emission: EmissionSpec = EmissionSpec()
    seasons: Annotated[tuple[SeasonSpec, ...], Field(max_length=200)] = ()
    strict_incentives: Flag = False
    """Whether `coordinator doctor` fails where dishonest answers would earn more than honest ones,
    or where that cannot be told; otherwise it warns."""
    certainty: CertaintySpec = CertaintySpec()
    signal: SignalSpec = SignalSpec()

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, raw: Any) -> Any:
        return filled_in(raw) if isinstance(raw, dict) else raw

    @property
    def key(self) -> str:
        """The slug as an identifier: prefix of asset keys."""
        return self.name.replace("-", "_")

    @property
    def own_package(self) -> str:
        """The public package of the challenge, as it is imported."""
        return own_package(self.name)

    @property
    def shown_title(self) -> str:
        """The challenge's name for people."""
        return self.title or self.name.replace("-", " ").capitalize()

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
    def is_operated(self) -> bool:
        """Whether an operator opens the rounds and posts their truths: a tournament."""
        return self.feed.provider == "posted"

    @property
    def interval_is_refresh(self) -> bool:
        """Whether ``checkpoint_interval_seconds`` is the original's loop sleep."""
        given = self.checkpoint_interval_seconds
        return given is not None and given < self.window_length.total_seconds()

    @property
    def refresh_seconds(self) -> int:
        """Seconds between two refreshes of an open window's board; 5 minutes by default."""
        meant = self.checkpoint_interval_seconds if self.interval_is_refresh else None
        return self.refresh_interval_seconds or meant or 300

    @property
    def checkpoint_seconds(self) -> int:
        """Checkpoint period; a week by default."""
        given = self.checkpoint_interval_seconds
        return 604800 if given is None or self.interval_is_refresh else given

    @property
    def checkpoint_length(self) -> timedelta:
        """Length of a checkpoint period."""
        return timedelta(seconds=self.checkpoint_seconds)

    @property
    def season_spans(self) -> dict[str, tuple[datetime, datetime | None]]:
        """Season -> when it starts and ends; None: it goes on, and so does the challenge."""
        following = [*(season.starts_at for season in self.seasons[1:]), self.end]
        return {
            season.name: (season.starts_at, season.ends_at or after)
            for season, after in zip(self.seasons, following, strict=False)
        }

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
    def look_back(self) -> timedelta:
        """How far before an instant its questions may need records."""
        return timedelta(seconds=max(self.warm_up_seconds, self.feed.staleness_limit_seconds))

    @property
    def identity(self) -> Identity:
        """What the challenge's database belongs to."""
        return Identity(self.name, self.feed.identity)

    @property
    def baseline_model(self) -> str | None:
        """The model without skill that others are compared with."""
        return self.certainty.baseline_model or self.missing_data.baseline_model

    @property
    def longest_window_hours(self) -> int:
        """Length of the longest trailing window."""
        return max(self.trailing_windows_hours.values())

    @property
    def series_hours(self) -> int:
        """Length of the longest trailing window whose rounds a metric needs one by one, or 0."""
        windows = self.trailing_windows_hours
        needed = (m.window for m in self.metrics if m.statistic in SERIES_STATISTICS)
        return max((windows[name] for name in needed), default=0)

    @property
    def reads_signals(self) -> bool:
        """Whether a metric needs what models answered."""
        return any(metric.statistic in SIGNAL_STATISTICS for metric in self.metrics)

    @property
    def perfect_score(self) -> float:
        """The best score there is: that of ``certainty.score_bounds``; else 0, no loss at all."""
        bounds = self.certainty.score_bounds or (0.0, 0.0)
        return bounds[0] if self.score_direction == "asc" else bounds[1]

    def metric(self, name: str) -> MetricSpec:
        """The metric of a name that the spec knows."""
        return next(metric for metric in self.metrics if metric.name == name)

    def notices(self) -> list[str]:
        """What the user should see of how the spec was understood, a line each."""
        lines = [config.describe() for config in self.configs]
        if self.interval_is_refresh:
            lines.append(
                f"checkpoint_interval_seconds {self.checkpoint_interval_seconds} is shorter than "
                f"one batch window ({self.batch_window}): taken as refresh_interval_seconds; "
                f"checkpoints are every {self.checkpoint_seconds} s"
            )
        return lines
