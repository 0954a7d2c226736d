"""Small challenges on price files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from tests.specs import changed

START = datetime(2025, 1, 1, 2, tzinfo=UTC)
"""Start of the small challenge, a whole hour after its first price."""
FIRST_BAR = START - timedelta(hours=1) + timedelta(minutes=1)
"""End of the first bar of generated files."""
WINDOW = timedelta(minutes=15)

SMALL: dict[str, Any] = {
    "spec_version": "1",
    "name": "small",
    "start": START.isoformat(),
    "batch_window": "15m",
    "replay_allowed": True,
    "warm_up_seconds": 600,
    "feed": {
        "provider": "file",
        "path": "prices.csv",
        "subjects": {"BTC": "BTCUSDT"},
        "granularity_seconds": 60,
        "publication_delay_seconds": 2,
        "staleness_limit_seconds": 180,
    },
    "truth": {"tie_rule": "void", "resolution_deadline_seconds": 3600},
    "scheduled_prediction_configs": [
        {
            "id": "btc-1m",
            "scope_key": "btc-1m",
            "scope_template": {"asset": "BTC", "horizon": 60, "step": 60},
            "schedule": {"every_seconds": 60},
        }
    ],
    "callables": {
        "INFERENCE_OUTPUT_VALIDATOR": "coordinator_pipelines.starter.validation:validate_output",
        "SCORING_FUNCTION": "coordinator_pipelines.starter.scoring:score_predictions",
    },
    "trailing_windows_hours": {"short": 1, "long": 2},
    "ranking": {"key": "long", "tie_breakers": ["short"], "minimum_samples": 5},
    "missing_data": {
        "default": "worst",
        "by_status": {"ABSTAINED": "baseline"},
        "baseline_model": "half",
    },
    "limits": {"call_timeout_seconds": 0.5},
}


def small_challenge(directory: Path, **changes: Any) -> Challenge:
    """The small challenge on ``prices.csv`` and ``models.yaml`` of a directory.

    ``changes``: values by dotted path, with ``__`` for the dots (see ``tests.specs.changed``).
    """
    dotted = {path.replace("__", "."): value for path, value in changes.items()}
    placed = {"models_file": str(directory / "models.yaml")}
    if "feed" not in changes:
        placed["feed.path"] = str(directory / "prices.csv")
    return checked_challenge(changed({**placed, **dotted}, SMALL))
