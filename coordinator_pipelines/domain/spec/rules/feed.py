"""Rules of the feed: what it can say, by when, and what truths and questions need of it.

A rule yields every problem it finds.
"""

from collections.abc import Iterator

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.model import Problem


def the_convention_is_that_of_the_provider(challenge: Challenge) -> Iterator[Problem]:
    """Candles have closes, Pyth has updates: the price at T means one thing per provider."""
    provider, convention = challenge.feed.provider, challenge.truth.convention
    fitting = {"pyth": "straddling_update", "posted": "posted"}.get(provider, "bar_close")
    if convention != fitting:
        contradiction = f"contradicts feed.provider '{provider}', which goes with '{fitting}'"
        yield Problem("truth.convention", convention, contradiction)


def the_feed_answers_in_time(challenge: Challenge) -> Iterator[Problem]:
    """A healthy feed makes no round VOID and no truth unresolvable."""
    feed, truth = challenge.feed, challenge.truth
    bar, delay = feed.granularity_seconds, feed.publication_delay_seconds
    oldest = bar * -(-delay // bar)
    if feed.staleness_limit_seconds < oldest:
        yield Problem(
            "feed.staleness_limit_seconds", feed.staleness_limit_seconds,
            f"contradicts publication_delay_seconds ({delay:g}): the newest record is {oldest:g} s "
            "old when a round opens, so every round would be VOID",
        )  # fmt: skip
    if truth.resolution_deadline_seconds < bar + delay:
        yield Problem(
            "truth.resolution_deadline_seconds", truth.resolution_deadline_seconds,
            f"a bar is proven final {bar + delay:g} s after its end at the earliest",
        )  # fmt: skip


def the_reference_is_another_source_of_the_same(challenge: Challenge) -> Iterator[Problem]:
    """Two feeds are compared instant by instant and asset by asset."""
    if challenge.reference_feed:
        yield from challenge.reference_feed.contradictions(challenge.feed)


def the_warm_up_holds_a_record(challenge: Challenge) -> Iterator[Problem]:
    """A fresh model gets at least one record, however late records are."""
    feed = challenge.feed
    least = feed.granularity_seconds + feed.publication_delay_seconds
    if challenge.warm_up_seconds < least:
        yield Problem(
            "warm_up_seconds", challenge.warm_up_seconds,
            f"shorter than a bar and its publication delay ({least:g} s): models would start "
            "without a record",
        )  # fmt: skip
