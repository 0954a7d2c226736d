"""The feed of a run: the provider that the spec names, and no other."""

import dagster as dg

from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.feed import Feed
from coordinator_pipelines.feeds.registry import open_feed
from coordinator_pipelines.settings import feed_access


class FeedResource(dg.ConfigurableResource):
    """Opens the feed of the challenge's spec."""

    challenge: dg.ResourceDependency[Challenge]

    def create_resource(self, context: dg.InitResourceContext) -> Feed:
        """The feed, opened."""
        del context
        return open_feed(self.challenge.feed, feed_access())
