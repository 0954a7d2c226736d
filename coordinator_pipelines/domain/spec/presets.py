"""Named starting points of a spec: what a preset says where the spec itself is silent.

Add a preset here; avoid validation (the spec's model does that, whoever wrote the value).
The four of the original system keep its names and schedules; feeds are ours, fine enough for the
rounds.
"""

from typing import Any


def _feed(granularity: int, *assets: str) -> dict[str, Any]:
    return {
        "provider": "simulated",
        "subjects": {asset: f"{asset}USDT" for asset in assets},
        "granularity_seconds": granularity,
        "staleness_limit_seconds": 3 * granularity,
        "seed": 1,
    }


def _config(
    scope_key: str, every: int, horizon: int, step: int, asset: str = "BTC"
) -> dict[str, Any]:
    return {
        "scope_key": scope_key,
        "scope_template": {"asset": asset, "horizon": horizon, "step": step},
        "schedule": {"every_seconds": every, "resolve_after_seconds": horizon},
    }


def _preset(
    scope_key: str, every: int, horizon: int, step: int, granularity: int, **extra: Any
) -> dict[str, Any]:
    """A preset of one question, about BTC."""
    return {
        "feed": _feed(granularity, "BTC"),
        "scheduled_prediction_configs": [_config(scope_key, every, horizon, step)],
        **extra,
    }


DAY = 86400
PRESETS: dict[str, dict[str, Any]] = {
    "baseline": _preset("default", 60, 60, 60, 60, replay_allowed=True),
    "realtime": _preset("realtime-btc", 15, 60, 15, 15, tournament_mode="realtime"),
    "in-sample": _preset(
        "in-sample-btc", 300, 300, 60, 60, tournament_mode="in-sample", replay_allowed=True
    ),
    "out-of-sample": _preset(
        "out-of-sample-btc", 900, 900, 300, 60, tournament_mode="out-of-sample"
    ),
    "density": {
        "feed": _feed(60, "BTC", "ETH"),
        "scheduled_prediction_configs": [
            _config("btc-5m", 300, 300, 300, "BTC"),
            _config("eth-5m", 300, 300, 300, "ETH"),
            _config("btc-1h", 900, 3600, 3600, "BTC"),
            _config("eth-1h", 900, 3600, 3600, "ETH"),
        ],
        "replay_allowed": True,
        # A price that does not move is an outcome like any other, if it is not a direction.
        "truth": {"tie_rule": "half"},
        "score_direction": "asc",
        # The worst has no bound: one absurd density would cost whoever misses its round.
        "missing_data": {"default": "baseline", "baseline_model": "fixed-width"},
    },
    "tournament": {
        "feed": {"provider": "posted"},
        "truth": {"convention": "posted", "resolution_deadline_seconds": 30 * DAY},
        "batch_window": "1d",
        "model_interface": {"tick_method": None, "predict_arguments": {"features": "input"}},
        "scheduled_prediction_configs": [
            {
                "scope_key": "rows-1d",
                "scope_template": {"asset": "ROWS", "horizon": DAY, "step": DAY},
                "schedule": {
                    "kind": "operator",
                    "answer_within_seconds": 3600,
                    "resolve_after_seconds": DAY,
                },
            }
        ],
        "limits": {"call_timeout_seconds": 30.0, "output_bytes": 3_000_000},
        "trailing_windows_hours": {"recent": 168, "steady": 720, "anchor": 2160},
        # Rounds are rare: a model is ranked from its first one on.
        "ranking": {"minimum_samples": 1},
    },
}
