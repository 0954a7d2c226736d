"""A database with something in every kind of table, and all that one holds."""

from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import create_engine, select

from coordinator_pipelines.domain.doors.ledger import Identity, Mode
from coordinator_pipelines.domain.prediction_batch.answer_hash import answer_hashes
from coordinator_pipelines.storage.engine.database import parse_url
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from coordinator_pipelines.storage.tables import metadata
from tests.storage.examples import (
    START,
    leaderboard,
    predictions,
    prepare,
    records,
    rounds,
    scores,
    truths,
)


def fill(url: str, identity: Identity) -> None:
    ledger = SqlLedger(url)
    ledger.identify(identity)
    prepare(ledger)
    ledger.add_feed_records(records(range(9)), publication_delay=0, now=START)
    failed_reason = "tab\t, line\n, quote \"', backslash \\N é"
    minutes = range(5)
    replayed = predictions(minutes, failed_reason=failed_reason)
    ledger.add_prediction_batch(rounds(minutes), _hashed(replayed))
    live = predictions(minutes, mode=Mode.LIVE)
    ledger.add_prediction_batch(rounds(minutes, Mode.LIVE), _hashed(live))
    ledger.add_ground_truths(truths(minutes))
    ledger.add_scores(scores(minutes, value=1 / 3))
    ledger.add_leaderboards(leaderboard(60))
    ledger.close()


def _hashed(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(answer_hash=answer_hashes(rows))


def everything(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    engine = create_engine(parse_url(url))
    with engine.connect() as connection:
        stored = {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }
    engine.dispose()
    return stored


def empty(url: str) -> None:
    """The database as if it were new."""
    if url.startswith("sqlite"):
        for file in Path(url.removeprefix("sqlite:///")).parent.glob("ledger.db*"):
            file.unlink()
        return
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    engine.dispose()
