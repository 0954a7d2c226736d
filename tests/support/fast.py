"""Specs of the presets with intervals so short that a round is through within seconds."""

from typing import Any

BTC, ETH = ("BTC", "BTCUSDT"), ("ETH", "ETHUSDT")


def fast_spec(preset: str) -> dict[str, Any]:
    """What an author would write to try a preset without waiting."""
    own = _opened() if preset == "tournament" else _scheduled(BTC)
    if preset == "density":
        own = _scheduled(BTC, ETH)
    return {
        "spec_version": "1",
        "preset": preset,
        "refresh_interval_seconds": 5,
        "ranking": {"key": "anchor", "minimum_samples": 1},
        **own,
    }


def _scheduled(*subjects: tuple[str, str]) -> dict[str, Any]:
    feed = {
        "provider": "simulated",
        "subjects": dict(subjects),
        "granularity_seconds": 1,
        "publication_delay_seconds": 1,
        "staleness_limit_seconds": 30,
        "seed": 1,
        "tick_size": 0.01,
    }
    configs = [
        {
            "scope_key": f"{asset.lower()}-5s",
            "scope_template": {"asset": asset, "horizon": 5, "step": 5},
            "schedule": {"every_seconds": 5, "resolve_after_seconds": 5},
        }
        for asset, _ in subjects
    ]
    return {"feed": feed, "scheduled_prediction_configs": configs, "warm_up_seconds": 60}


def _opened() -> dict[str, Any]:
    schedule = {"kind": "operator", "answer_within_seconds": 40, "resolve_after_seconds": 40}
    config = {
        "scope_key": "rows",
        "scope_template": {"asset": "ROWS", "horizon": 40, "step": 40},
        "schedule": schedule,
    }
    return {
        "scheduled_prediction_configs": [config],
        "limits": {"call_timeout_seconds": 3.0, "output_bytes": 3_000_000},
    }
