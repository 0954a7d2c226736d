"""How fast the Report API answers, with a short and with a long history behind the same range.

    python -m benchmarks.report [rows]

On PostgreSQL (a throw-away server, if its binaries are found), else on SQLite. Each answer is asked
for several times on a tenth of the history and on all of it: a ratio near 1 means that its cost
does not follow the history. The baseline is the original's query pattern on the same data: all
scored predictions of the range are fetched as rows and averaged per model in Python.
"""

import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine, create_engine, text

from coordinator_pipelines.cli.challenge.location import starter
from coordinator_pipelines.domain.doors.ledger import (
    LEADERBOARD_COLUMNS,
    MEMBERSHIP_COLUMNS,
    MODEL_SCORE_COLUMNS,
    PREDICTION_COLUMNS,
    ROUND_COLUMNS,
    SCORE_COLUMNS,
    Mode,
)
from coordinator_pipelines.domain.prediction_batch.answer_hash import answer_hashes
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.prediction_config import config_rows
from coordinator_pipelines.domain.values.content import canonical, content_hash
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.api.conftest import ApiClient, serving
from tests.postgresql import PostgresServer, find_binaries

START = datetime(2025, 1, 1, tzinfo=UTC)
MODELS = [f"model-{number}" for number in range(10)]
BATCH = timedelta(days=5)
TIMES = 5
PATHS = {
    "leaderboard": "/reports/leaderboard",
    "its page": "/",
    "metrics, 7 days": "/reports/models/global?start={week}&end={end}",
    "metrics by config, 7 days": "/reports/models/params?start={week}&end={end}",
    "newest 10,000 predictions": "/reports/predictions?start={week}&end={end}",
    "one model's, 7 days": "/reports/predictions?projectIds=model-3&start={week}&end={end}",
    "health": "/healthz",
    "feeds": "/reports/feeds",
}


def main() -> None:
    """Print a line per answer: with a tenth of the history, with all of it, and the ratio."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    challenge = starter().challenge
    minutes = rows // len(MODELS)
    last = START + timedelta(minutes=minutes)
    with ExitStack() as stack:
        url = _database(stack)
        print(f"{url.partition(':')[0]}, {rows // 10:,} and {rows:,} scored predictions")
        schema.upgrade(url)
        _prepare(url, challenge)
        tenth = last - timedelta(minutes=minutes // 10)
        _fill(url, challenge, tenth, last)
        short = dict(_answers(url, challenge, last))
        _fill(url, challenge, START, tenth)
        for name, long in _answers(url, challenge, last):
            ratio = long / short[name]
            print(f"  {name:<28}{short[name]:>9.1f} ms{long:>9.1f} ms   x {ratio:.2f}")


def _database(stack: ExitStack) -> str:
    if find_binaries():
        return stack.enter_context(PostgresServer(durable=True)).create_database("bench")
    directory = stack.enter_context(tempfile.TemporaryDirectory())
    return f"sqlite:///{Path(directory) / 'bench.db'}"


def _answers(url: str, challenge: Challenge, last: datetime) -> Iterator[tuple[str, float]]:
    week, end = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (last - timedelta(days=7), last))
    with serving(challenge, url) as client:
        for name, path in PATHS.items():
            asked = path.format(week=week, end=end)
            yield name, _median(partial(_asked, client, asked))
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    yield "baseline: original, 7 days", _median(lambda: _original(engine, last))
    engine.dispose()


def _asked(client: ApiClient, path: str) -> None:
    client.get(path).raise_for_status()


def _median(work: Callable[[], object]) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        work()
        taken.append(1_000 * (time.perf_counter() - began))
    return statistics.median(taken)


def _original(engine: Engine, last: datetime) -> dict[str, float]:
    statement = text(
        "SELECT p.*, s.value, s.success FROM predictions p JOIN scores s USING "
        "(mode, performed_at, prediction_config_id, model_id, version) "
        "WHERE p.performed_at >= :start AND p.performed_at <= :end ORDER BY p.performed_at"
    )
    values = defaultdict(list)
    span: list[Any] = [last - timedelta(days=7), last]
    if engine.dialect.name == "sqlite":
        span = [int(at.timestamp() * 1_000_000) for at in span]
    with engine.connect() as connection:
        for row in connection.execute(statement, {"start": span[0], "end": span[1]}).mappings():
            values[row["model_id"]].append(row["value"])
    return {model: statistics.fmean(own) for model, own in values.items()}


def _prepare(url: str, challenge: Challenge) -> None:
    members = pd.DataFrame({"model_id": MODELS}).assign(
        mode=Mode.REPLAY.value, joined_at=pd.Timestamp(START), name="name",
        left_at=pd.Series(pd.NaT, range(len(MODELS))), owner="owner",
        owner_id="owner", code_hash="0",
    )  # fmt: skip
    ledger = SqlLedger(url, statistics_bucket=challenge.statistics_bucket)
    ledger.identify(challenge.identity)
    ledger.register_configs(config_rows(challenge.scheduled_prediction_configs))
    ledger.record_memberships(members[list(MEMBERSHIP_COLUMNS)])
    ledger.close()


def _fill(url: str, challenge: Challenge, start: datetime, end: datetime) -> None:
    ledger = SqlLedger(url, statistics_bucket=challenge.statistics_bucket)
    while start < end:
        until = min(start + BATCH, end)
        cells = _cells(challenge, start, until)
        ledger.add_prediction_batch(pd.DataFrame(columns=list(ROUND_COLUMNS)), _predictions(cells))
        ledger.add_scores(_scores(cells))
        ends = pd.date_range(start, until, freq="1h", inclusive="right").as_unit("us")
        ledger.add_model_scores(_model_scores(challenge, ends))
        ledger.add_leaderboards(_boards(challenge, ends))
        start = until
    ledger.close()


def _cells(challenge: Challenge, start: datetime, end: datetime) -> pd.DataFrame:
    instants = pd.date_range(start, end, freq="1min", inclusive="left").as_unit("us")
    cells = pd.DataFrame({"performed_at": instants}).merge(
        pd.DataFrame({"model_id": MODELS}), how="cross"
    )
    cells["resolvable_at"] = cells["performed_at"] + pd.Timedelta(minutes=1)
    return cells.assign(
        mode=Mode.REPLAY.value, prediction_config_id=challenge.configs[0].id, version=1,
        status="SUCCESS", failed_reason=None, run_id="run",
        chance=np.random.default_rng(1).random(len(cells)),
    )  # fmt: skip


def _predictions(cells: pd.DataFrame) -> pd.DataFrame:
    stamps = cells["performed_at"].dt.strftime("%Y%m%dT%H%M%S")
    output = [f'{{"p_up": {chance!r}}}' for chance in cells["chance"].tolist()]
    rows = cells.assign(
        id=stamps + ":" + cells["model_id"], scope_key="btc-1m", runner_status="SUCCESS",
        output_json=output, raw_output_json=output, exec_time_ms=1.0, code_hash="0",
    )  # fmt: skip
    return rows.assign(answer_hash=answer_hashes(rows))[list(PREDICTION_COLUMNS)]


def _scores(cells: pd.DataFrame) -> pd.DataFrame:
    rows = cells.assign(
        prediction_version=1, truth_version=1, scorer="bench@1", value=cells["chance"],
        success=True, rule="scorer",
    )  # fmt: skip
    return rows[list(SCORE_COLUMNS)]


def _model_scores(challenge: Challenge, ends: pd.DatetimeIndex) -> pd.DataFrame:
    metrics = canonical({metric.name: 0.75 for metric in challenge.metrics})
    payload = canonical({"windows": _windows(challenge), "member": _member()})
    rows = pd.DataFrame({"as_of": ends}).merge(pd.DataFrame({"model_id": MODELS}), how="cross")
    return rows.assign(
        mode=Mode.REPLAY.value, version=1, metrics_json=metrics, payload_json=payload,
        content_hash="0", run_id="run",
    )[list(MODEL_SCORE_COLUMNS)]  # fmt: skip


def _boards(challenge: Challenge, ends: pd.DatetimeIndex) -> pd.DataFrame:
    entries = [_entry(challenge, rank, model) for rank, model in enumerate(MODELS, 1)]
    return pd.DataFrame({"as_of": ends}).assign(
        mode=Mode.REPLAY.value, version=1, final=True, entries_json=canonical(entries),
        meta_json="{}", content_hash=content_hash(entries), run_id="run",
    )[list(LEADERBOARD_COLUMNS)]  # fmt: skip


def _entry(challenge: Challenge, rank: int, model: str) -> dict[str, object]:
    metrics = {metric.name: 0.75 for metric in challenge.metrics}
    ranking = {"key": challenge.ranking.key, "value": 0.75, "direction": "desc"}
    payload = {"windows": _windows(challenge), "member": _member()}
    score = {"metrics": metrics, "ranking": ranking, "payload": payload}
    return {
        "model_id": model, "model_name": model, "cruncher_name": "owner",
        "cruncher_id": "owner", "rank": rank, "unranked_reason": None, "score": score,
    }  # fmt: skip


def _windows(challenge: Challenge) -> dict[str, object]:
    metrics = {metric.name: 0.75 for metric in challenge.metrics}
    config = challenge.configs[0].id
    counts = {"n": 1430, "n_imputed": 0, "expected": 1430, "coverage": 1.0, "mature": True}
    outcomes = {"SUCCESS": 1430, "FAILED": 0, "TIMEOUT": 0, "ABSTAINED": 0, "ABSENT": 0}
    own = {**counts, "outcomes": outcomes, "by_config": {config: {"n": 1430, **metrics}}}
    return dict.fromkeys(challenge.trailing_windows_hours, own)


def _member() -> dict[str, object]:
    return {"joined_at": START.isoformat(), "left_at": None}


if __name__ == "__main__":
    main()
