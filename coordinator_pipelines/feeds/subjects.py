"""Which subjects a provider is asked for, checked against those it offers.

Add here what every provider asks about subjects; avoid anything that knows one provider.
"""

from collections.abc import Collection, Iterable

from coordinator_pipelines.domain.values.errors import FeedConfigurationError
from coordinator_pipelines.feeds.candles.problems import listed


def known_subjects(asked: Iterable[str], offered: Collection[str], source: str) -> list[str]:
    """The subjects asked for, each once, sorted.

    Raises:
        FeedConfigurationError: one of them is not offered; the message names those that are.
    """
    wanted = sorted(set(asked))
    if unknown := [subject for subject in wanted if subject not in offered]:
        raise FeedConfigurationError(
            f"feed {source} has no subject {listed(unknown)}; it has "
            f"{listed(sorted(offered))}. Correct the subjects of the feed."
        )
    return wanted


def check_settings(subjects: Collection[str], granularity_seconds: int, source: str) -> None:
    """Refuse settings with which no feed can work.

    Raises:
        FeedConfigurationError: there is no subject, or the granularity is not a second or more.
    """
    if not subjects or "" in subjects:
        raise FeedConfigurationError(f"feed {source} needs at least one subject, none of them ''")
    if granularity_seconds < 1:
        raise FeedConfigurationError(
            f"feed {source}: granularity_seconds is {granularity_seconds}; it must be 1 or more"
        )
