"""The feeds of a run: the providers that the spec names, and no others."""

import dagster as dg

from coordinator_pipelines.domain.doors.feed import Feed
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import FeedError
from coordinator_pipelines.feeds.refused import RefusedFeed
from coordinator_pipelines.feeds.registry import open_feed
from coordinator_pipelines.settings import feed_access


class FeedResource(dg.ConfigurableResource):
    """Opens the feed of the challenge's spec."""

    challenge: dg.ResourceDependency[Challenge]

    def create_resource(self, context: dg.InitResourceContext) -> Feed:
        """The feed, opened."""
        del context
        return open_feed(self.challenge.feed, feed_access())


class ReferenceFeedResource(dg.ConfigurableResource):
    """Opens the feed with which that one is compared, where the spec names one."""

    challenge: dg.ResourceDependency[Challenge]

    def create_resource(self, context: dg.InitResourceContext) -> Feed | None:
        """The reference; one that cannot be opened says so in its check, and stops no run."""
        del context
        reference = self.challenge.reference_feed
        if reference is None:
            return None
        try:
            return open_feed(reference.feed, feed_access())
        except FeedError as error:
            return RefusedFeed(error)
