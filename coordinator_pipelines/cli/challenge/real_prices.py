"""The starter challenge on a vendor's live prices: a spec of its own, derived from both.

Add a vendor here when it can price the starter's asset without a key; avoid running anything.
"""

from typing import Any

import yaml

from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge

FEEDS: dict[str, dict[str, Any]] = {
    "binance": {"provider": "binance", "subjects": {"BTC": "BTCUSDT"}, "granularity_seconds": 60}
}


def challenge_on_feed(name: str) -> Challenge:
    """The starter challenge on one of :data:`FEEDS`, with a name and so a database of its own."""
    spec = yaml.safe_load(starter_spec().read_text())
    common = {
        key: spec["feed"][key] for key in ("publication_delay_seconds", "staleness_limit_seconds")
    }
    return checked_challenge(
        {
            **spec,
            "name": f"{spec['name']}-{name}",
            "feed": {**common, **FEEDS[name]},
            "models_file": str(starter_spec().with_name("models.yaml")),
        }
    )
