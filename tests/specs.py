"""Valid specs for tests, and changed copies of them."""

import copy
from typing import Any

REMOVED = object()

COMPLETE: dict[str, Any] = {
    "spec_version": "1",
    "name": "btc-up-down",
    "start": "2026-11-01T00:00:00Z",
    "feed": {
        "provider": "simulated",
        "subjects": {"BTC": "BTCUSDT"},
        "granularity_seconds": 60,
        "publication_delay_seconds": 2,
        "staleness_limit_seconds": 180,
        "seed": 7,
    },
    "truth": {"tie_rule": "void"},
    "callables": {"SCORING_FUNCTION": "some_challenge.scoring:score"},
    "scheduled_prediction_configs": [
        {
            "scope_key": "btc-1m",
            "scope_template": {"asset": "BTC", "horizon": 60, "step": 60},
            "schedule": {"every_seconds": 60},
        }
    ],
}
CONFIG = "scheduled_prediction_configs[0]"


def changed(changes: dict[str, Any], spec: dict[str, Any] = COMPLETE) -> dict[str, Any]:
    """A copy of a spec with values put at dotted paths such as ``metrics[0].name``."""
    result = copy.deepcopy(spec)
    for path, value in changes.items():
        *parents, last = path.replace("[", ".[").split(".")
        section: Any = result
        for step in parents:
            section = section[int(step[1:-1])] if step[0] == "[" else section.setdefault(step, {})
        if value is REMOVED:
            del section[last]
        else:
            section[last] = copy.deepcopy(value)
    return result
