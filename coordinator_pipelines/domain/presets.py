"""Named starting points of a spec: what a preset says where the spec itself is silent.

Add a preset here; avoid validation (the spec's model does that, whoever wrote the value).
Names and schedules are the original system's; feeds are ours, fine enough for the rounds.
"""

from typing import Any


def _preset(
    scope_key: str, every: int, horizon: int, step: int, granularity: int, **extra: Any
) -> dict[str, Any]:
    return {
        "feed": {
            "provider": "simulated",
            "subjects": {"BTC": "BTCUSDT"},
            "granularity_seconds": granularity,
            "staleness_limit_seconds": 3 * granularity,
            "seed": 1,
        },
        "scheduled_prediction_configs": [
            {
                "scope_key": scope_key,
                "scope_template": {"asset": "BTC", "horizon": horizon, "step": step},
                "schedule": {"every_seconds": every, "resolve_after_seconds": horizon},
            }
        ],
        **extra,
    }


PRESETS: dict[str, dict[str, Any]] = {
    "baseline": _preset("default", 60, 60, 60, 60, replay_allowed=True),
    "realtime": _preset("realtime-btc", 15, 60, 15, 15, tournament_mode="realtime"),
    "in-sample": _preset(
        "in-sample-btc", 300, 300, 60, 60, tournament_mode="in-sample", replay_allowed=True
    ),
    "out-of-sample": _preset(
        "out-of-sample-btc", 900, 900, 300, 60, tournament_mode="out-of-sample"
    ),
}
