"""How fast predictions and scores are stored and read back, on each database that is there.

    python -m benchmarks.storage [rows]

SQLite always; PostgreSQL if a server binary is found (a throw-away server is started) or if
COORDINATOR_BENCH_POSTGRESQL names a database that may be filled. The baseline, measured in the
same run, is SQLAlchemy Core ``executemany`` with a commit per 1,000 rows into the same table.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import create_engine, insert

from coordinator_pipelines.domain.doors.ledger import (
    MEMBERSHIP_COLUMNS,
    PREDICTION_COLUMNS,
    SCORE_COLUMNS,
    Mode,
)
from coordinator_pipelines.domain.prediction_batch.answer_hash import answer_hashes, is_unchanged
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from coordinator_pipelines.storage.tables import predictions as prediction_table
from tests.postgresql import PostgresServer, find_binaries

START = datetime(2025, 1, 1, tzinfo=UTC)
MODELS = 10
WINDOW_ROWS = 600
COMMIT_ROWS = 1_000


def main() -> None:
    """Print one block of figures per database."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with ExitStack() as stack:
        for url in _databases(stack):
            print(url.partition(":")[0])
            schema.upgrade(url)
            ledger = SqlLedger(url)
            stack.callback(ledger.close)
            _measure(ledger, url, rows)


def _databases(stack: ExitStack) -> Iterator[str]:
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    yield f"sqlite:///{directory / 'bench.db'}"
    if "COORDINATOR_BENCH_POSTGRESQL" in os.environ:
        yield os.environ["COORDINATOR_BENCH_POSTGRESQL"]
    elif find_binaries():
        server = stack.enter_context(PostgresServer(durable=True))
        yield server.create_database("bench")


def _measure(ledger: SqlLedger, url: str, rows: int) -> None:
    ledger.record_memberships(_memberships())
    predictions, scores = _predictions(rows), _scores(rows)
    none = pd.DataFrame()
    end = START + timedelta(minutes=rows // MODELS)
    baseline = _rate("baseline: Core executemany", rows // 4, lambda: _baseline(url, rows // 4))
    added = _rate("add predictions", rows, lambda: ledger.add_prediction_batch(none, predictions))
    _rate("add them again", rows, lambda: ledger.add_prediction_batch(none, predictions))
    _rate("read predictions", rows, lambda: ledger.predictions(Mode.REPLAY, START, end))
    stored = ledger.predictions(Mode.REPLAY, START, end)
    _rate("check them against hashes", rows, lambda: is_unchanged(stored))
    _rate("add scores and statistics", rows, lambda: ledger.add_scores(scores))
    _rate("read scores", rows, lambda: ledger.scores(Mode.REPLAY, START, end))
    print(f"  ratio of adding predictions to the baseline: {added / baseline:.1f}")
    later = predictions.assign(performed_at=predictions["performed_at"] + timedelta(days=100))
    later["id"] += "-later"
    _per_window("predictions", later, lambda window: ledger.add_prediction_batch(none, window))
    delay = timedelta(days=100)
    later = scores.assign(performed_at=scores["performed_at"] + delay)
    later["resolvable_at"] += delay
    _per_window("scores", later, ledger.add_scores)


def _rate(name: str, rows: int, work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    rate = rows / (time.perf_counter() - began)
    print(f"  {name:<32}{rate:>12,.0f} rows/s")
    return rate


def _per_window(name: str, frame: pd.DataFrame, work: Callable[[pd.DataFrame], Any]) -> None:
    windows = [frame.iloc[at : at + WINDOW_ROWS] for at in range(0, len(frame), WINDOW_ROWS)]
    times = []
    for window in windows[:100]:
        began = time.perf_counter()
        work(window)
        times.append(time.perf_counter() - began)
    median = 1_000 * float(np.median(times))
    print(f"  {name}, {WINDOW_ROWS} rows a transaction: median {median:.1f} ms")


def _baseline(url: str, rows: int) -> None:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    frame = _predictions(rows).assign(mode=Mode.LIVE.value)
    frame["id"] += "-baseline"
    frame[["output_json", "raw_output_json"]] = None
    for at in range(0, rows, COMMIT_ROWS):
        part = frame.iloc[at : at + COMMIT_ROWS]
        records = [
            {str(name): value for name, value in row.items()} for row in part.to_dict("records")
        ]
        with engine.begin() as connection:
            connection.execute(insert(prediction_table), records)
    engine.dispose()


def _memberships() -> pd.DataFrame:
    names = [f"model-{number}" for number in range(MODELS)]
    columns = {"mode": Mode.REPLAY.value, "model_id": names, "joined_at": pd.Timestamp(START)}
    owner = {"owner": "bench", "owner_id": "bench"}
    described = {"left_at": pd.NaT, "name": names, **owner, "code_hash": "0"}
    return pd.DataFrame(columns | described)[list(MEMBERSHIP_COLUMNS)]


def _cells(rows: int) -> pd.DataFrame:
    minute = np.arange(rows) // MODELS
    performed_at = pd.Timestamp(START) + pd.to_timedelta(minute, unit="min")
    frame = pd.DataFrame({"performed_at": performed_at.as_unit("us")})
    frame["resolvable_at"] = frame["performed_at"] + pd.Timedelta(minutes=1)
    frame["mode"] = Mode.REPLAY.value
    frame["prediction_config_id"] = "btc-60-a1b2c3"
    frame["model_id"] = [f"model-{number % MODELS}" for number in range(rows)]
    return frame.assign(version=1, status="SUCCESS", failed_reason=None, run_id="run")


def _predictions(rows: int) -> pd.DataFrame:
    frame = _cells(rows)
    chances = np.random.default_rng(1).random(rows)
    texts = [f'{{"p_up": {chance!r}}}' for chance in chances.tolist()]
    frame["id"] = [f"{number * 2654435761 % 2**64:016x}" for number in range(rows)]
    frame["output_json"] = frame["raw_output_json"] = texts
    frame = frame.assign(scope_key="BTC-60", runner_status="SUCCESS", code_hash="0")
    frame = frame.assign(exec_time_ms=chances)
    return frame.assign(answer_hash=answer_hashes(frame))[list(PREDICTION_COLUMNS)]


def _scores(rows: int) -> pd.DataFrame:
    frame = _cells(rows).assign(prediction_version=1, truth_version=1, scorer="brier-1")
    frame["value"] = np.random.default_rng(2).random(rows)
    return frame.assign(success=True, rule="scorer")[list(SCORE_COLUMNS)]


if __name__ == "__main__":
    main()
