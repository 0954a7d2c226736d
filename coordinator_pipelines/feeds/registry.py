"""From the feed section of a spec to the provider it names.

Add a provider here when ``domain.spec.feed`` has its settings; avoid defaults and fallbacks.
"""

import atexit
from functools import cache

from coordinator_pipelines.domain.doors.feed import Feed
from coordinator_pipelines.domain.feed_record.access import FeedAccess
from coordinator_pipelines.domain.spec.feed import (
    AnyFeedSpec,
    BinanceFeedSpec,
    FileFeedSpec,
    PostedFeedSpec,
    PythFeedSpec,
)
from coordinator_pipelines.feeds.binance.binance import BinanceFeed, binance_source
from coordinator_pipelines.feeds.file import FileFeed
from coordinator_pipelines.feeds.http.source import HttpSource
from coordinator_pipelines.feeds.http.timer import SystemTimer
from coordinator_pipelines.feeds.playback import PlaybackFeed
from coordinator_pipelines.feeds.posted import PostedFeed
from coordinator_pipelines.feeds.pyth.pyth import PythFeed, pyth_source
from coordinator_pipelines.feeds.simulated import SimulatedFeed


def open_feed(spec: AnyFeedSpec, access: FeedAccess) -> Feed:
    """The provider that the spec names; nothing is read or asked until it is asked.

    Raises:
        FeedConfigurationError: the provider cannot work with these settings.
    """
    if isinstance(spec, PostedFeedSpec):
        return PostedFeed()
    subjects, granularity_seconds = spec.symbols, spec.granularity_seconds
    if isinstance(spec, FileFeedSpec):
        file = FileFeed(
            spec.path,
            subjects=subjects,
            granularity_seconds=granularity_seconds,
            layout=spec.format,
            time_zone=spec.time_zone,
        )
        return PlaybackFeed(file, spec.playback.shift) if spec.playback else file
    if isinstance(spec, BinanceFeedSpec):
        source = _binance(access)
        return BinanceFeed(source, subjects=subjects, granularity_seconds=granularity_seconds)
    if isinstance(spec, PythFeedSpec):
        source = _pyth(access)
        return PythFeed(source, subjects=subjects, granularity_seconds=granularity_seconds)
    return SimulatedFeed(
        seed=spec.seed,
        granularity_seconds=granularity_seconds,
        subjects=subjects,
        start_price=spec.start_price,
        annual_volatility=spec.annual_volatility,
        tick_size=spec.tick_size,
    )


@cache
def _binance(access: FeedAccess) -> HttpSource:
    """One per process, so that all its feeds keep one limit together."""
    source = binance_source(
        access.binance_url,
        SystemTimer(),
        patience_seconds=access.patience_seconds,
        hold_directory=access.hold_directory,
    )
    return _closed_at_exit(source)


@cache
def _pyth(access: FeedAccess) -> HttpSource:
    """One per process, likewise."""
    source = pyth_source(
        access.pyth_url,
        access.pyth_api_key,
        SystemTimer(),
        patience_seconds=access.patience_seconds,
        hold_directory=access.hold_directory,
    )
    return _closed_at_exit(source)


def _closed_at_exit(source: HttpSource) -> HttpSource:
    atexit.register(source.close)
    return source
