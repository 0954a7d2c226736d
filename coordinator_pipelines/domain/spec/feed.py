"""The feed section of a spec: which provider, which subjects, how fine, how late.

Add a provider's settings here as one more class of the union; avoid opening anything.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, field_validator, model_validator

from coordinator_pipelines.domain.spec.model import (
    Delay,
    FilePath,
    Fraction,
    Instant,
    PositiveNumber,
    Problem,
    Seconds,
    Shape,
    SpecModel,
    problem,
)
from coordinator_pipelines.domain.timeline.instant import SECOND

Symbol = Annotated[
    str,
    AfterValidator(
        Shape(
            r"[A-Za-z0-9]+(?:[_./-][A-Za-z0-9]+)*",
            "a symbol such as BTCUSDT or Crypto.BTC/USD",
            80,
        )
    ),
]


PROVIDERS = ("file", "simulated", "binance", "pyth", "posted")
FileFormat = Literal[
    "binance-vision", "kraken", "coinbase", "bitfinex", "cryptodatadownload", "yfinance", "ccxt",
    "bitstamp", "tradingview", "metatrader", "coinapi", "dukascopy", "generic",
]  # fmt: skip
FILE_FORMATS: tuple[str, ...] = get_args(FileFormat)
"""Layouts in which a file of candles may be."""
BINANCE_INTERVALS = {
    1: "1s", 60: "1m", 180: "3m", 300: "5m", 900: "15m", 1800: "30m", 3600: "1h", 7200: "2h",
    14400: "4h", 21600: "6h", 28800: "8h", 43200: "12h", 86400: "1d",
}  # fmt: skip
"""Granularity in seconds -> Binance's word for it. The other intervals are not on our grid."""


def pyth_feed_id(text: str) -> str:
    """A feed id as Hermes says it: lowercase, without ``0x``."""
    return text.lower().removeprefix("0x")


PythFeedId = Annotated[
    str,
    AfterValidator(Shape(r"(0[xX])?[0-9A-Fa-f]{64}", "a feed id: 64 hex digits, 0x optional", 66)),
    AfterValidator(pyth_feed_id),
]


def _time_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        wanted = "is no time zone; it must be a name such as UTC or America/New_York"
        raise problem("", name, wanted) from None


TimeZone = Annotated[str, Field(max_length=80), AfterValidator(_time_zone)]


class _CommonFeedSpec(SpecModel):
    subjects: Annotated[dict[Symbol, Symbol], Field(min_length=1)]
    """Asset, as models and scopes name it -> symbol, as the provider names it."""
    granularity_seconds: Seconds
    """Length of a bar. Every round and horizon is a multiple of it."""
    publication_delay_seconds: Delay = 0.0
    """Seconds from the end of a bar until models could have seen it."""
    staleness_limit_seconds: Seconds
    """A round whose newest input is older than this is VOID, and no model is asked."""

    @property
    def symbols(self) -> list[str]:
        """The provider's symbols."""
        return sorted(set(self.subjects.values()))

    @property
    def simulated(self) -> bool:
        """Whether the prices are not those of their instants; every page with them says so."""
        return False

    @property
    def _asked_of_the_provider(self) -> str:
        return f"{json.dumps(self.subjects, sort_keys=True)} {self.granularity_seconds} s"


class PlaybackSpec(SpecModel):
    """When a recorded file is played: all of it, moved in time by ``shift``."""

    recorded_from: Instant
    """An instant of the recording."""
    live_from: Instant
    """The instant at which that one is played."""

    @property
    def shift(self) -> timedelta:
        """From an instant of the recording until it is played."""
        return self.live_from - self.recorded_from


class FileFeedSpec(_CommonFeedSpec):
    """Candles from a file, of their own time or played in another."""

    provider: Literal["file"]
    path: FilePath
    format: FileFormat | None = None
    """The layout that the file must have; None: the one that it is recognised by."""
    time_zone: TimeZone | None = None
    """The zone of times that say none."""
    playback: PlaybackSpec | None = None

    @property
    def identity(self) -> str:
        """What makes this feed another one than the next."""
        played = f"{self.playback.shift // SECOND} s later " if self.playback else ""
        clock = f"at {self.time_zone} " if self.time_zone else ""
        return f"file {self.path.name} {clock}{played}{self._asked_of_the_provider}"

    @property
    def simulated(self) -> bool:
        """Prices that are played are not those of the moment."""
        return self.playback is not None

    @model_validator(mode="after")
    def _bars_are_moved_onto_bars(self) -> Self:
        bar = timedelta(seconds=self.granularity_seconds)
        if self.playback and self.playback.shift % bar:
            raise problem(
                "playback.live_from", self.playback.live_from,
                f"not a multiple of granularity_seconds ({self.granularity_seconds}) away from "
                f"playback.recorded_from ({self.playback.recorded_from.isoformat()})",
            )  # fmt: skip
        return self


class SimulatedFeedSpec(_CommonFeedSpec):
    """A seeded price path: the same value for the same instant, always labelled simulated."""

    provider: Literal["simulated"]
    seed: Annotated[int, Field(strict=True, ge=0, le=2**53)]
    start_price: PositiveNumber = 60000.0
    annual_volatility: Annotated[float, Field(strict=True, gt=0, le=10, allow_inf_nan=False)] = 0.6
    tick_size: PositiveNumber = 1.0

    @property
    def identity(self) -> str:
        """What makes this feed another one than the next."""
        path = f"{self.seed}/{self.start_price!r}/{self.annual_volatility!r}/{self.tick_size!r}"
        return f"simulated {path} {self._asked_of_the_provider}"

    @property
    def simulated(self) -> bool:
        """Always."""
        return True

    @model_validator(mode="after")
    def _a_tick_is_no_more_than_a_price(self) -> Self:
        if self.tick_size > self.start_price:
            raise problem("tick_size", self.tick_size, "above start_price: prices would be 0")
        return self


class BinanceFeedSpec(_CommonFeedSpec):
    """Closed spot candles of Binance."""

    provider: Literal["binance"]

    @property
    def identity(self) -> str:
        """What makes this feed another one than the next."""
        return f"binance {self._asked_of_the_provider}"

    @field_validator("granularity_seconds")
    @classmethod
    def _is_an_interval(cls, seconds: int) -> int:
        if seconds not in BINANCE_INTERVALS:
            raise problem("", seconds, f"binance has candles of {_listed(BINANCE_INTERVALS)} s")
        return seconds


class PythFeedSpec(_CommonFeedSpec):
    """Prices of Pyth at the instants of the grid: no candles, one update each."""

    provider: Literal["pyth"]
    subjects: Annotated[dict[Symbol, PythFeedId], Field(min_length=1)]
    """Asset, as models and scopes name it -> feed id; kept as Hermes answers it."""

    @property
    def identity(self) -> str:
        """What makes this feed another one than the next."""
        return f"pyth {self._asked_of_the_provider}"


class PostedFeedSpec(SpecModel):
    """No market data: an operator posts a feature table with each round, and its truth later."""

    provider: Literal["posted"]

    granularity_seconds: ClassVar[int] = 1
    publication_delay_seconds: ClassVar[float] = 0.0
    staleness_limit_seconds: ClassVar[int] = 1
    subjects: ClassVar[Mapping[str, str]] = {}
    symbols: ClassVar[Sequence[str]] = ()
    simulated: ClassVar[bool] = False
    identity: ClassVar[str] = "posted"


AnyFeedSpec = FileFeedSpec | SimulatedFeedSpec | BinanceFeedSpec | PythFeedSpec | PostedFeedSpec
FeedSpec = Annotated[AnyFeedSpec, Field(discriminator="provider")]


class ReferenceFeedSpec(SpecModel):
    """A second source, with which the feed is compared and nothing else."""

    feed: FeedSpec
    tolerance: Fraction
    """Largest relative difference of two closes of one instant that still counts as agreement."""

    def contradictions(self, feed: AnyFeedSpec) -> Iterator[Problem]:
        """Why the two cannot be compared, or need not be; fields are those of the spec."""
        own, name = self.feed, "reference_feed.feed"
        if own.granularity_seconds != feed.granularity_seconds:
            other = f"contradicts feed.granularity_seconds ({feed.granularity_seconds})"
            yield Problem(f"{name}.granularity_seconds", own.granularity_seconds, other)
        if set(own.subjects) != set(feed.subjects):
            assets = f"not the assets of feed.subjects ({', '.join(sorted(feed.subjects))})"
            yield Problem(f"{name}.subjects", ", ".join(sorted(own.subjects)), assets)
        if own.identity == feed.identity:
            yield Problem(f"{name}.provider", own.provider, "is the challenge's own feed once more")


def _listed(values: Iterable[int]) -> str:
    return ", ".join(map(str, values))
