"""Small challenges and frames that the tests of scores and boards are made of."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.author.rules import Rules, Told
from coordinator_pipelines.domain.author.scorer import scorer_from
from coordinator_pipelines.domain.doors.ledger import (
    GROUND_TRUTH_COLUMNS,
    MEMBERSHIP_COLUMNS,
    PREDICTION_COLUMNS,
    SCORE_COLUMNS,
)
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.starter.scoring import score_predictions

START = datetime(2025, 1, 1, tzinfo=UTC)
CONFIG = "btc"
MODE = "replay"


def instant(minutes):
    return START + timedelta(minutes=minutes)


def config(name=CONFIG, every=60):
    return {
        "id": name,
        "scope_key": f"{name}-1m",
        "scope_template": {"asset": "BTC", "horizon": 60, "step": 60},
        "schedule": {"every_seconds": every, "resolve_after_seconds": 60},
    }


def challenge(**overrides):
    spec = {
        "spec_version": "1",
        "name": "test",
        "start": START,
        "feed": {
            "provider": "simulated",
            "subjects": {"BTC": "BTCUSDT"},
            "granularity_seconds": 60,
            "publication_delay_seconds": 2,
            "staleness_limit_seconds": 180,
            "seed": 1,
            "start_price": 60000.0,
            "annual_volatility": 0.6,
        },
        "truth": {"tie_rule": "void"},
        "scheduled_prediction_configs": [config()],
    }
    return checked_challenge({**spec, **overrides})


RULES = Rules(
    told=lambda context: Told((context,), context),
    scope=lambda config, _: config.scope,
    call=lambda _config, _input, _scope: {"args": [], "kwargs": {}},
    validate=lambda output: output,
    resolve=None,
    score=scorer_from(score_predictions),
    scorer="brier",
    aggregate=None,
    rank=None,
    emit=None,
    weigh=None,
    not_replayable=(),
)


def rules(**changes):
    return replace(RULES, **changes)


def _frame(rows, columns, instants):
    frame = pd.DataFrame(rows, columns=list(columns))
    for name in instants:
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    return frame


def predictions(*cells, config_id=CONFIG):
    """Cells (minute, model, answer): a probability, or an outcome that is not SUCCESS."""
    rows = []
    for minute, model, answer in cells:
        answered = not isinstance(answer, str)
        rows.append(
            {
                "id": f"{config_id}-{minute}-{model}",
                "mode": MODE,
                "prediction_config_id": config_id,
                "performed_at": instant(minute),
                "resolvable_at": instant(minute + 1),
                "model_id": model,
                "version": 1,
                "scope_key": "btc-1m",
                "status": "SUCCESS" if answered else answer,
                "output_json": json.dumps({"p_up": answer}) if answered else None,
                "failed_reason": None,
            }
        )
    return _frame(rows, PREDICTION_COLUMNS, ["performed_at", "resolvable_at"])


def truths(*rounds, config_id=CONFIG):
    """Rounds (minute, outcome): 1, 0 or 0.5, or a state that is not FINAL."""
    rows = []
    for minute, outcome, *version in rounds:
        final = not isinstance(outcome, str)
        rows.append(
            {
                "prediction_config_id": config_id,
                "performed_at": instant(minute),
                "resolvable_at": instant(minute + 1),
                "version": version[0] if version else 1,
                "subject": "BTCUSDT",
                "entry_price": 100.0,
                "resolved_price": 100.0 + (2 * outcome - 1 if final else 0),
                "outcome": outcome if final else float("nan"),
                "state": "FINAL" if final else outcome,
                "reason": None if final else "because",
                "payload_json": None,
            }
        )
    return _frame(rows, GROUND_TRUTH_COLUMNS, ["performed_at", "resolvable_at"])


def scores(*rows, config_id=CONFIG):
    """Score rows (minute due, model, value, and optionally status and rule)."""
    filled = []
    for minute, model, value, *rest in rows:
        status, rule = (*rest, "SUCCESS", "scorer")[:2] if len(rest) != 1 else (*rest, "worst")
        filled.append(
            {
                "mode": MODE,
                "prediction_config_id": config_id,
                "performed_at": instant(minute - 1),
                "resolvable_at": instant(minute),
                "model_id": model,
                "version": 1,
                "status": status,
                "value": value,
                "success": rule == "scorer",
                "rule": rule,
                "failed_reason": None,
            }
        )
    frame = _frame(filled, SCORE_COLUMNS, ["performed_at", "resolvable_at"])
    return frame.astype({"value": "float64"})


def memberships(*stays):
    """Stays (model, joined minute, left minute or None)."""
    rows = [
        {
            "mode": MODE,
            "model_id": model,
            "joined_at": instant(joined),
            "left_at": pd.NaT if left is None else instant(left),
            "name": model.title(),
            "owner": f"owner of {model}",
            "owner_id": f"account of {model}",
            "code_hash": "c0de",
        }
        for model, joined, left in stays
    ]
    return _frame(rows, MEMBERSHIP_COLUMNS, ["joined_at", "left_at"])
