"""The newest of each stage, and that finding it is a seek whatever the history."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from coordinator_pipelines.domain.doors.ledger import Ledger, Mode, RoundStatus
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.storage.examples import (
    HOUR,
    START,
    at,
    leaderboard,
    model_scores,
    predictions,
    prepare,
    rounds,
    truths,
)

Ask = Callable[[SqlLedger], Any]
SEEKS: dict[str, Ask] = {
    "newest_round": lambda ledger: ledger.newest_round(Mode.LIVE),
    "newest_round_of_a_status": lambda ledger: ledger.newest_round(Mode.LIVE, RoundStatus.VOID),
    "newest_truth": lambda ledger: ledger.newest_truth(),
    "newest_score": lambda ledger: ledger.newest_score(Mode.LIVE),
    "newest_scored": lambda ledger: ledger.newest_scored(Mode.LIVE, START, START + HOUR),
    "newest_leaderboard": lambda ledger: ledger.newest_leaderboard(Mode.LIVE, START + HOUR),
    "newest_capture": lambda ledger: ledger.newest_capture(),
    "first_captured_at": lambda ledger: ledger.first_captured_at(),
}


def test_the_newest_round_of_a_mode_and_of_a_status(ledger: Ledger) -> None:
    prepare(ledger)
    assert ledger.newest_round(Mode.LIVE) is None
    ledger.add_prediction_batch(rounds([0, 1], Mode.LIVE), predictions([]))
    ledger.add_prediction_batch(rounds([2], Mode.LIVE, status="VOID"), predictions([]))
    ledger.add_prediction_batch(rounds([9]), predictions([]))
    assert ledger.newest_round(Mode.LIVE) == at(2)
    assert ledger.newest_round(Mode.LIVE, RoundStatus.ASKED) == at(1)
    assert ledger.newest_round(Mode.LIVE, RoundStatus.VOID) == at(2)
    assert ledger.newest_round(Mode.REPLAY, RoundStatus.VOID) is None


def test_the_newest_truth_is_told_by_when_it_was_resolvable(ledger: Ledger) -> None:
    prepare(ledger)
    assert ledger.newest_truth() is None
    ledger.add_ground_truths(truths([0, 3], resolvable_at=at(30)))
    ledger.add_ground_truths(truths([4], state="VOID"))
    assert ledger.newest_truth() == at(30)


def test_the_newest_instant_that_was_scored(ledger: Ledger) -> None:
    prepare(ledger)
    for minute in (5, 10, 15):
        ledger.add_model_scores(model_scores(minute))
    ledger.add_leaderboards(leaderboard(20))
    assert ledger.newest_scored(Mode.REPLAY, at(5), at(14)) == at(10)
    assert ledger.newest_scored(Mode.REPLAY, at(5), at(15)) == at(15)
    assert ledger.newest_scored(Mode.REPLAY, at(15), at(60)) is None
    assert ledger.newest_scored(Mode.LIVE, at(0), at(60)) is None


@pytest.mark.parametrize("question", SEEKS)
def test_the_newest_is_found_by_seeking_in_an_index(database_url: str, question: str) -> None:
    ledger = SqlLedger(database_url)
    with explained(ledger) as plans:
        SEEKS[question](ledger)
    ledger.close()
    assert plans
    for line in plans:
        assert "SCAN" not in line or "USING COVERING INDEX" in line, plans
        assert "Seq Scan" not in line, plans
        assert "Sort" not in line, plans
        assert "TEMP B-TREE" not in line, plans


def test_the_newest_event_of_each_model_is_sought_by_model(database_url: str) -> None:
    ledger = SqlLedger(database_url)
    with explained(ledger) as plans:
        ledger.newest_model_events()
    ledger.close()
    assert not [line for line in plans if "SCAN model_events" in line or "Seq Scan" in line], plans
    if database_url.startswith("sqlite"):
        assert [line for line in plans if "(at=? AND model_id=?)" in line], plans


def test_what_is_due_is_sought_in_the_list_of_open_rounds_only(database_url: str) -> None:
    ledger = SqlLedger(database_url)
    with explained(ledger) as plans:
        ledger.due_rounds(at(60))
        ledger.add_ground_truths(truths([]))
    ledger.close()
    walked = [line for line in plans if "SCAN" in line or "Seq Scan" in line]
    assert all("open_rounds" in line for line in walked), plans
    assert not [line for line in plans if "hashed" in line], plans


@contextmanager
def explained(ledger: SqlLedger) -> Iterator[list[str]]:
    """How the database carries out each query that the ledger makes of it."""
    plans: list[str] = []

    def explain(connection: Connection, _cursor: object, query: str, values: Any, *_: Any) -> None:
        if not query.startswith(("SELECT", "WITH")):
            return
        dialect = connection.dialect.name
        if dialect == "postgresql":
            for kind in ("seqscan", "sort", "bitmapscan"):  # small tables are read as a whole
                connection.execute(text(f"SET LOCAL enable_{kind} = off"))
        how = "EXPLAIN" if dialect == "postgresql" else "EXPLAIN QUERY PLAN"
        told = connection.exec_driver_sql(f"{how} {query}", values)
        plans.extend(str(row[-1]) for row in told)

    engine = ledger._database._engine
    event.listen(engine, "before_cursor_execute", explain)
    yield plans
    event.remove(engine, "before_cursor_execute", explain)
