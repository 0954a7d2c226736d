"""Small frames for tests of the ledger: one config, a few models, rounds a minute apart."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.doors.feed import as_records
from coordinator_pipelines.domain.doors.ledger import (
    GROUND_TRUTH_COLUMNS,
    LEADERBOARD_COLUMNS,
    MEMBERSHIP_COLUMNS,
    MODEL_SCORE_COLUMNS,
    PREDICTION_COLUMNS,
    ROUND_COLUMNS,
    SCORE_COLUMNS,
    Ledger,
    Mode,
)
from coordinator_pipelines.domain.doors.payout import CHECKPOINT_COLUMNS

START = datetime(2025, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
CONFIG = "btc-60"
MODELS = ("alpha", "beta")
INSTANTS = {
    "as_of", "at", "span_start", "span_end", "alive_until", "period_start", "period_end",
}  # fmt: skip


def at(minutes: float) -> datetime:
    return START + minutes * MINUTE


def frame(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Rows as a frame with the instants typed; what a row does not say is missing."""
    made = pd.DataFrame([{name: row.get(name) for name in columns} for row in rows])
    made = made.reindex(columns=list(columns))
    for name in columns:
        if name.endswith("_at") or name in INSTANTS:
            made[name] = pd.to_datetime(made[name], utc=True).astype("datetime64[us, UTC]")
    return made


def records(minutes: Sequence[int], price: float = 100.0, subject: str = "BTC") -> pd.DataFrame:
    columns = {
        "subject": subject,
        "ended_at": [pd.Timestamp(at(minute)) for minute in minutes],
        "open": price,
        "high": price + 1,
        "low": price - 1,
        "close": [price + minute for minute in minutes],
        "volume": 2.5,
        "source": "simulated",
    }
    return as_records(pd.DataFrame(columns))


def configs(**changes: Any) -> pd.DataFrame:
    config = {
        "id": CONFIG,
        "scope_key": "BTC-60",
        "scope_json": '{"horizon_seconds": 60}',
        "schedule_json": '{"interval_seconds": 60}',
        "active": True,
        "order": 0,
        "meta_json": None,
    }
    return pd.DataFrame([config | changes])


def memberships(
    models: Sequence[str] = MODELS, mode: Mode = Mode.REPLAY, **changes: Any
) -> pd.DataFrame:
    rows = [
        {
            "mode": mode,
            "model_id": model,
            "joined_at": START,
            "name": model,
            "owner": "someone",
            "owner_id": "someone",
            "code_hash": "c0de",
        }
        | changes
        for model in models
    ]
    return frame(rows, MEMBERSHIP_COLUMNS)


def prepare(ledger: Ledger) -> None:
    """What must be known before anything can refer to it."""
    ledger.register_configs(configs())
    ledger.record_memberships(memberships())


def rounds(minutes: Sequence[int], mode: Mode = Mode.REPLAY, **changes: Any) -> pd.DataFrame:
    rows = [
        {
            "mode": mode,
            "prediction_config_id": CONFIG,
            "performed_at": at(minute),
            "resolvable_at": at(minute + 1),
            "status": "ASKED",
            "scope_json": '{"subject": "BTC"}',
            "input_json": '{"close": [1.5, 2.5]}',
            "input_ended_at": at(minute),
            "run_id": "run-1",
        }
        | changes
        for minute in minutes
    ]
    return frame(rows, ROUND_COLUMNS)


def predictions(
    minutes: Sequence[int],
    models: Sequence[str] = MODELS,
    mode: Mode = Mode.REPLAY,
    version: int = 1,
    **changes: Any,
) -> pd.DataFrame:
    rows = [
        {
            "id": f"{mode}-{CONFIG}-{minute}-{model}-{version}",
            "mode": mode,
            "prediction_config_id": CONFIG,
            "performed_at": at(minute),
            "resolvable_at": at(minute + 1),
            "model_id": model,
            "version": version,
            "scope_key": "BTC-60",
            "status": "SUCCESS",
            "runner_status": "SUCCESS",
            "output_json": '{"p_up": 0.5}',
            "raw_output_json": '{"p_up": 0.50}',
            "exec_time_ms": 1.25,
            "code_hash": "c0de",
            "run_id": "run-1",
            "answer_hash": "5ea1",
        }
        | changes
        for minute in minutes
        for model in models
    ]
    return frame(rows, PREDICTION_COLUMNS)


def truths(minutes: Sequence[int], version: int = 1, **changes: Any) -> pd.DataFrame:
    rows = [
        {
            "prediction_config_id": CONFIG,
            "performed_at": at(minute),
            "resolvable_at": at(minute + 1),
            "version": version,
            "subject": "BTC",
            "entry_price": 100.0,
            "resolved_price": 101.0,
            "outcome": 1.0,
            "state": "FINAL",
            "payload_json": "{}",
            "entry_record_version": 1,
            "resolved_record_version": 1,
            "void_sequence": float("nan"),
            "run_id": "run-1",
        }
        | changes
        for minute in minutes
    ]
    return frame(rows, GROUND_TRUTH_COLUMNS)


def scores(
    minutes: Sequence[int],
    models: Sequence[str] = MODELS,
    mode: Mode = Mode.REPLAY,
    version: int = 1,
    **changes: Any,
) -> pd.DataFrame:
    rows = [
        {
            "mode": mode,
            "prediction_config_id": CONFIG,
            "performed_at": at(minute),
            "resolvable_at": at(minute + 1),
            "model_id": model,
            "version": version,
            "prediction_version": 1,
            "truth_version": 1,
            "scorer": "brier-1",
            "status": "SUCCESS",
            "value": 0.25,
            "success": True,
            "rule": "scorer",
            "run_id": "run-1",
        }
        | changes
        for minute in minutes
        for model in models
    ]
    return frame(rows, SCORE_COLUMNS)


def model_scores(minute: int, version: int = 1, **changes: Any) -> pd.DataFrame:
    rows = [
        {
            "mode": Mode.REPLAY,
            "as_of": at(minute),
            "model_id": model,
            "version": version,
            "metrics_json": '{"brier": 0.25}',
            "content_hash": "abc",
            "run_id": "run-1",
        }
        | changes
        for model in MODELS
    ]
    return frame(rows, MODEL_SCORE_COLUMNS)


def leaderboard(minute: int, version: int = 1, **changes: Any) -> pd.DataFrame:
    row = {
        "mode": Mode.REPLAY,
        "as_of": at(minute),
        "version": version,
        "final": True,
        "entries_json": '[{"rank": 1}]',
        "meta_json": "{}",
        "content_hash": "abc",
        "run_id": "run-1",
    }
    return frame([row | changes], LEADERBOARD_COLUMNS)


def checkpoint(minute: int, version: int = 1, **changes: Any) -> pd.DataFrame:
    row = {
        "mode": Mode.REPLAY,
        "period_end": at(minute),
        "version": version,
        "id": f"checkpoint-{minute}-{version}",
        "period_start": START,
        "as_of": at(minute),
        "content_hash": "abc",
        "run_id": "run-1",
        "entries_json": '[{"model_id": "alpha", "share": 1000000000}]',
        "meta_json": "{}",
    }
    return frame([row | changes], CHECKPOINT_COLUMNS)
