"""A process that asks Binance for its newest price, by the settings of its environment.

Says until when it was refused, if it was.
"""

import sys
from datetime import UTC, datetime

from pydantic import TypeAdapter

from coordinator_pipelines.domain.spec.feed import FeedSpec
from coordinator_pipelines.domain.values.errors import FeedUnavailableError
from coordinator_pipelines.feeds.registry import open_feed
from coordinator_pipelines.settings import feed_access

SPEC = {
    "provider": "binance",
    "subjects": {"BTC": "BTCUSDT"},
    "granularity_seconds": 60,
    "staleness_limit_seconds": 300,
}


def main() -> None:
    """Ask once."""
    spec = TypeAdapter(FeedSpec).validate_python(SPEC)
    try:
        open_feed(spec, feed_access()).latest(["BTCUSDT"], datetime.now(UTC))
    except FeedUnavailableError as error:
        if error.not_before is not None:
            sys.stdout.write(error.not_before.isoformat())
