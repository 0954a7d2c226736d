"""From the feed section of a spec to the provider it names.

Add a provider here when ``domain.feed_spec`` has its settings; avoid defaults and fallbacks.
"""

from coordinator_pipelines.domain.feed import Feed
from coordinator_pipelines.domain.feed_spec import FileFeedSpec, SimulatedFeedSpec
from coordinator_pipelines.feeds.file import FileFeed
from coordinator_pipelines.feeds.simulated import SimulatedFeed


def open_feed(spec: FileFeedSpec | SimulatedFeedSpec) -> Feed:
    """The provider that the spec names; nothing is read until it is asked.

    Raises:
        FeedConfigurationError: the provider cannot work with these settings.
    """
    if isinstance(spec, FileFeedSpec):
        return FileFeed(
            spec.path, subjects=spec.symbols, granularity_seconds=spec.granularity_seconds
        )
    return SimulatedFeed(
        seed=spec.seed,
        granularity_seconds=spec.granularity_seconds,
        subjects=spec.symbols,
        start_price=spec.start_price,
        annual_volatility=spec.annual_volatility,
        tick_size=spec.tick_size,
    )
