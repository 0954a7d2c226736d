"""A challenge that is quick enough to be killed often: bars of a second, rounds every few.

Add here what the challenge is; avoid running it (``stack``) and judging it (``audit``).
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from coordinator_pipelines.cli.challenge.location import starter_spec

NAME = "faults"
MODELS = ("constant-half", "momentum", "mean-reversion", "volatility-density")
"""Starter models that answer whenever they are asked."""
EVERY_SECONDS = (5, 10)
HORIZON_SECONDS = (10, 20)
REFRESH_SECONDS = 15
SUBJECT, SYMBOL, SEED = "BTC", "BTCUSDT", 7
TICK_SIZE = 0.01
DELAY_SECONDS = 1


def write_challenge(directory: Path, start: datetime) -> Path:
    """The spec file of the challenge, with its models file beside it."""
    models = starter_spec().parent / "models"
    entries = [{"id": name, "owner": "alice", "path": str(models / name)} for name in MODELS]
    shared = ["coordinator_pipelines.starter.tracker"]
    roster = {"shared_modules": shared, "models": entries}
    (directory / "models.yaml").write_text(yaml.safe_dump(roster))
    spec = directory / "faults.yaml"
    spec.write_text(yaml.safe_dump(_spec(directory / "models.yaml", start)))
    return spec


def _spec(models_file: Path, start: datetime) -> dict[str, Any]:
    return {
        "spec_version": "1",
        "name": NAME,
        "crunch_id": NAME,
        "model_base_classname": "tracker.TrackerBase",
        "start": start.isoformat(),
        "batch_window": "15m",
        "warm_up_seconds": 600,
        "absence_grace_seconds": 600,
        "refresh_interval_seconds": REFRESH_SECONDS,
        "models_file": str(models_file),
        "feed": {
            "provider": "simulated",
            "subjects": {SUBJECT: SYMBOL},
            "granularity_seconds": 1,
            "publication_delay_seconds": DELAY_SECONDS,
            "staleness_limit_seconds": 60,
            "seed": SEED,
            "tick_size": TICK_SIZE,
        },
        "truth": {"tie_rule": "void", "resolution_deadline_seconds": 3600},
        "scheduled_prediction_configs": _configs(EVERY_SECONDS, HORIZON_SECONDS),
        "callables": {
            "INFERENCE_INPUT_BUILDER": "coordinator_pipelines.starter.inference:build_input",
            "INFERENCE_OUTPUT_VALIDATOR": (
                "coordinator_pipelines.starter.validation:validate_output"
            ),
            "SCORING_FUNCTION": "coordinator_pipelines.starter.scoring:score_predictions",
        },
        "trailing_windows_hours": {"short": 1, "long": 2},
        "ranking": {"key": "long", "tie_breakers": ["short"], "minimum_samples": 5},
        "missing_data": {"default": "worst"},
        "limits": {"call_timeout_seconds": 1.0},
    }


def _configs(every: Sequence[int], horizons: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {
            "scope_key": f"btc-{horizon}s",
            "scope_template": {"asset": SUBJECT, "horizon": horizon, "step": horizon},
            "schedule": {"every_seconds": seconds},
        }
        for seconds, horizon in zip(every, horizons, strict=True)
    ]
