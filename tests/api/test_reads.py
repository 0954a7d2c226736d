"""Reads for reports follow keys, and pages hold whole rounds."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.api.conftest import WINDOWS, Filled
from tests.support.challenges import START, WINDOW

END = START + WINDOWS * WINDOW
SMALL_BY_NATURE = {"model_memberships", "scheduled_prediction_configs"}


@pytest.fixture
def ledger(filled: Filled) -> Iterator[SqlLedger]:
    ledger = SqlLedger(filled.url, statistics_bucket=filled.challenge.statistics_bucket)
    yield ledger
    ledger.close()


@contextmanager
def plans() -> Iterator[list[str]]:
    """The query plan of every statement that is run meanwhile, a line per step."""
    steps: list[str] = []

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        own = cursor.connection.cursor()
        if statement.lstrip().startswith("SELECT"):
            rows = own.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            steps.extend(row[3] for row in rows)

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        yield steps
    finally:
        event.remove(Engine, "before_cursor_execute", explain)


READS = {
    "board": lambda one: one.board(Mode.REPLAY, END),
    "version": lambda one: one.board(Mode.REPLAY, END, version=1),
    "extent": lambda one: one.scored_extent(Mode.REPLAY, START, END),
    "points": lambda one: one.score_points(Mode.REPLAY, [END], ["half"], payload=True),
    "bounds": lambda one: one.prediction_bounds(Mode.REPLAY, START, END, ["half"], 7),
    "page": lambda one: one.reported_predictions(Mode.REPLAY, START, END, ["half"]),
    "scores": lambda one: one.reported_scores(Mode.REPLAY, START, END, None),
    "truths": lambda one: one.ground_truths(START, END),
    "rounds": lambda one: one.asked_rounds(Mode.REPLAY, START),
    "extents": lambda one: one.feed_extents(["BTCUSDT"], count_days=7),
    "tail": lambda one: one.feed_tail(["BTCUSDT"], 5),
    "versions": lambda one: one.feed_versions("BTCUSDT", [START]),
    "member": lambda one: one.member_since(Mode.LIVE),
    "members": lambda one: one.memberships(Mode.REPLAY),
    "configs": lambda one: one.prediction_configs(),
}


@pytest.mark.parametrize("name", READS)
def test_no_read_goes_through_a_whole_table(ledger, name):
    with plans() as steps:
        READS[name](ledger)
    assert steps
    scans = [step for step in steps if step.startswith("SCAN")]
    assert [step for step in scans if step.split()[1] not in SMALL_BY_NATURE] == []


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 70), model=st.sampled_from([None, ["half"], ["half", "shy"]]))
def test_pages_are_whole_rounds_and_together_everything(ledger, limit, model):
    whole = ledger.reported_predictions(Mode.REPLAY, START, END, model)
    parts, end = [], END
    while True:
        page = ledger.prediction_bounds(Mode.REPLAY, START, end, model, limit)
        rows = ledger.reported_predictions(Mode.REPLAY, page.first, page.end, model)
        sizes = rows.groupby("performed_at").size()
        assert (sizes == len(model or "1234")).all()
        assert len(rows) <= limit or len(sizes) == 1
        parts.append(rows)
        if not page.has_earlier:
            break
        end = page.first
    pd.testing.assert_frame_equal(pd.concat(parts[::-1], ignore_index=True), whole)


def test_the_tail_of_a_feed_is_its_newest_records_newest_first(ledger):
    tail = ledger.feed_tail(["BTCUSDT"], 3)["ended_at"]
    assert list(tail) == sorted(tail, reverse=True)
    assert tail.iloc[0] == END + timedelta(minutes=1)
    assert ledger.feed_tail(["other"], 3).empty
