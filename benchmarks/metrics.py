"""How long a refresh of a board takes whose metrics need its rounds one by one.

    python -m benchmarks.metrics [models]

A week of five-minute rounds in a SQLite file, one answer in fifty missing, so that every pair of
models shares other rounds: all metrics of signals and of series in each trailing window, read and
computed as a live refresh does. The baseline is the same refresh with means only. Where a history
that is twice as long lies before the week, the refresh must take the same.
"""

import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from coordinator_pipelines.cli.challenge.location import starter
from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.doors.ledger import (
    GROUND_TRUTH_COLUMNS,
    MEMBERSHIP_COLUMNS,
    PREDICTION_COLUMNS,
    ROUND_COLUMNS,
    SCORE_COLUMNS,
    Mode,
)
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.prediction_batch.answer_hash import answer_hashes
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.spec.prediction_config import config_rows
from coordinator_pipelines.domain.spec.sections import SERIES_STATISTICS
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.sql_ledger import SqlLedger

START = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
EVERY = timedelta(minutes=5)
WEEK = 7
MISSING = 0.02


def main() -> None:
    """Print the time of a refresh with means, with all metrics, and with a longer history."""
    models = [f"model-{k}" for k in range(int(sys.argv[1]) if len(sys.argv) > 1 else 300)]
    means = _challenge(means=True)
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{Path(directory) / 'bench.db'}"
        schema.upgrade(url)
        ledger = SqlLedger(url, statistics_bucket=means.statistics_bucket)
        try:
            _prepare(ledger, means, models)
            for day in range(2 * WEEK, 3 * WEEK):
                _fill(ledger, means, models, START + day * DAY)
            as_of = START + 3 * WEEK * DAY - EVERY
            baseline = _refreshed(ledger, means, as_of)
            week = _refreshed(ledger, _challenge(), as_of)
            for day in range(2 * WEEK):
                _fill(ledger, means, models, START + day * DAY)
            longer = _refreshed(ledger, _challenge(), as_of)
        finally:
            ledger.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(models)} models, a week of five-minute rounds (CPU time)")
    print(f"  means only                  {baseline:>7.2f} s")
    print(f"  all metrics, three windows  {week:>7.2f} s   x {week / baseline:.1f}")
    print(f"  with three weeks of history {longer:>7.2f} s   x {longer / week:.2f}")
    print(f"  most memory                 {memory:>7.0f} MB")


def _challenge(*, means: bool = False) -> Challenge:
    spec = starter().challenge.model_dump(mode="json", exclude={"metrics", "ranking", "profile"})
    config: dict[str, Any] = {
        "scope_key": "btc-5m",
        "scope_template": {"asset": "BTC", "horizon": 300, "step": 300},
        "schedule": {"every_seconds": 300},
    }
    own = {
        "metrics": [
            {"name": f"{window}_{statistic}", "statistic": statistic, "window": window}
            for window in spec["trailing_windows_hours"]
            for statistic in (("mean",) if means else SERIES_STATISTICS)
        ],
        "ranking": {"key": "anchor_mean" if means else "anchor_ic"},
        "certainty": {"score_bounds": [0.0, 1.0], "baseline_model": "model-0"},
        "missing_data": {"default": "exclude"},
        "scheduled_prediction_configs": [config],
    }
    return checked_challenge({**spec, **own})


def _prepare(ledger: SqlLedger, challenge: Challenge, models: list[str]) -> None:
    members = pd.DataFrame({"model_id": models}).assign(
        mode=Mode.LIVE.value, joined_at=pd.Timestamp(START), name="name",
        left_at=pd.Series(pd.NaT, range(len(models))), owner="owner", owner_id="owner",
        code_hash="0",
    )  # fmt: skip
    ledger.identify(challenge.identity)
    ledger.register_configs(config_rows(challenge.scheduled_prediction_configs))
    ledger.record_memberships(members[list(MEMBERSHIP_COLUMNS)])


def _fill(ledger: SqlLedger, challenge: Challenge, models: list[str], start: datetime) -> None:
    """A day of rounds."""
    instants = pd.date_range(start, start + DAY, freq=EVERY, inclusive="left").as_unit("us")
    rng = np.random.default_rng(instants[0].value % 2**32)
    rounds = pd.DataFrame({"performed_at": instants}).assign(
        prediction_config_id=challenge.configs[0].id, resolvable_at=instants + EVERY, version=1,
        run_id="run", entry_price=100.0, resolved_price=100 + rng.normal(size=len(instants)),
        state="FINAL", subject="BTCUSDT",
    )  # fmt: skip
    ledger.add_ground_truths(rounds.reindex(columns=list(GROUND_TRUTH_COLUMNS)))
    keys = ["prediction_config_id", "performed_at", "resolvable_at", "version", "run_id"]
    cells = rounds[keys].merge(pd.DataFrame({"model_id": models}), how="cross")
    answered = rng.random(len(cells)) > MISSING
    chance = rng.random(len(cells)).round(3)
    stamps = cells["performed_at"].dt.strftime("%Y%m%dT%H%M%S")
    texts = [f'{{"p_up": {p}}}' if ok else None for p, ok in zip(chance, answered, strict=True)]
    said = np.array(texts, dtype=object)
    cells = cells.assign(
        id=stamps + cells["model_id"], mode=Mode.LIVE.value, scope_key="btc-5m",
        status=np.where(answered, "SUCCESS", "ABSENT"), output_json=said, raw_output_json=said,
        value=np.where(answered, chance, np.nan), success=answered, prediction_version=1,
        rule=np.where(answered, "scorer", "exclude"), scorer="bench@1", truth_version=1,
    )  # fmt: skip
    none = pd.DataFrame(columns=list(ROUND_COLUMNS))
    asked = cells.reindex(columns=list(PREDICTION_COLUMNS))
    ledger.add_prediction_batch(none, asked.assign(answer_hash=answer_hashes(asked)))
    ledger.add_scores(cells.reindex(columns=list(SCORE_COLUMNS)))


def _refreshed(ledger: SqlLedger, challenge: Challenge, as_of: datetime) -> float:
    """Seconds of CPU."""
    boards = Boards(challenge, load_rules(challenge), ledger, Mode.LIVE, "run", as_of)
    began = time.process_time()
    boards.model_scores([as_of])
    return time.process_time() - began


if __name__ == "__main__":
    main()
