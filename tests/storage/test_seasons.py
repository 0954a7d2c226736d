"""Nothing that is published is written into a closed season, whoever writes it."""

from datetime import timedelta

import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.operation import ROUND_VOID_COLUMNS
from coordinator_pipelines.domain.doors.payout import CHECKPOINT_EVENT_COLUMNS
from coordinator_pipelines.domain.doors.season import SEASON_EVENT_COLUMNS
from coordinator_pipelines.domain.season.state import Step
from coordinator_pipelines.domain.values.errors import SeasonError
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.storage.examples import (
    CONFIG,
    START,
    at,
    checkpoint,
    frame,
    leaderboard,
    memberships,
    model_scores,
    predictions,
    prepare,
    rounds,
)

MINUTES = (0, 5, 10, 11)
"""The season is (0, 10]: it holds the second and the third."""


def said(step: Step, sequence: int) -> pd.DataFrame:
    row = {
        "season": "one", "sequence": sequence, "at": at(60), "kind": step.value, "actor": "ann",
        "reason": "why", "starts_at": at(0), "ends_at": at(10),
    }  # fmt: skip
    event = frame([row], SEASON_EVENT_COLUMNS)
    spans = dict.fromkeys(("starts_at", "ends_at"), "datetime64[us, UTC]")
    return event.astype(spans)


def scores(version: int) -> pd.DataFrame:
    every = [model_scores(minute, version, mode=Mode.LIVE) for minute in MINUTES]
    return pd.concat(every, ignore_index=True)


def boards(version: int) -> pd.DataFrame:
    every = [leaderboard(minute, version, mode=Mode.LIVE) for minute in MINUTES]
    return pd.concat(every, ignore_index=True)


def void(minute: int, sequence: int = 1) -> pd.DataFrame:
    row = {
        "prediction_config_id": CONFIG, "performed_at": at(minute), "sequence": sequence,
        "at": at(60), "kind": "VOIDED", "actor": "ann", "reason": "why",
    }  # fmt: skip
    return frame([row], ROUND_VOID_COLUMNS)


def step(name: str, sequence: int) -> pd.DataFrame:
    row = {
        "checkpoint_id": name, "sequence": sequence, "at": at(60), "kind": "APPROVED",
        "actor": "ann",
    }  # fmt: skip
    return frame([row], CHECKPOINT_EVENT_COLUMNS)


@pytest.fixture
def played(ledger: SqlLedger) -> SqlLedger:
    """Boards and payouts of four instants, and rounds that are resolvable at two of them."""
    prepare(ledger)
    ledger.record_memberships(memberships(mode=Mode.LIVE))
    ledger.add_prediction_batch(
        rounds([4, 9, 10], Mode.LIVE), predictions([4, 9, 10], mode=Mode.LIVE)
    )
    ledger.add_model_scores(scores(1))
    ledger.add_leaderboards(boards(1))
    for minute in (5, 11):
        assert ledger.add_checkpoint(checkpoint(minute, mode=Mode.LIVE))
    return ledger


def test_a_closed_season_keeps_everything_out_and_an_open_one_nothing(played: SqlLedger) -> None:
    assert played.add_season_event(said(Step.FROZEN, 1))
    assert not played.add_season_event(said(Step.FROZEN, 1))
    size = played.log_size()
    for written, rows in (
        (played.add_model_scores(scores(2)), 4), (played.add_leaderboards(boards(2)), 2)
    ):  # fmt: skip
        assert (written.added, written.revised, written.kept_out) == (rows, rows, rows)
    assert played.log_size() == size + 2
    ends = [at(minute) for minute in MINUTES]
    newest = played.model_scores(Mode.LIVE, ends)
    assert newest["version"].tolist() == [2, 2, 1, 1, 1, 1, 2, 2]
    assert played.board_heads(Mode.LIVE, ends)["version"].tolist() == [2, 1, 1, 2]
    assert not played.add_checkpoint(checkpoint(5, mode=Mode.LIVE, version=2))
    assert played.add_checkpoint(checkpoint(11, mode=Mode.LIVE, version=2))
    for minute in (4, 9):
        with pytest.raises(SeasonError, match=r"season one is FROZEN.*reopen one"):
            played.add_round_voids(void(minute))
    assert played.round_voids(START, at(60)).empty
    assert played.add_round_voids(void(10))
    assert played.add_season_event(said(Step.REOPENED, 2))
    assert played.add_leaderboards(boards(2)).added == 2
    assert played.add_round_voids(void(9))


def test_nobody_is_paid_for_a_season_that_is_final(played: SqlLedger) -> None:
    inside, outside = played.checkpoint_heads("live")["id"]
    played.add_season_event(said(Step.FROZEN, 1))
    assert played.add_checkpoint_event(step(inside, 1))
    played.add_season_event(said(Step.FINALIZED, 2))
    with pytest.raises(SeasonError, match="season one is FINAL, and its payouts with it"):
        played.add_checkpoint_event(step(inside, 2))
    assert played.add_checkpoint_event(step(outside, 1))
    assert played.checkpoint_events([inside])["sequence"].tolist() == [1]


def test_an_instant_counts_to_the_microsecond(played: SqlLedger) -> None:
    played.add_season_event(said(Step.FROZEN, 1))
    moment = timedelta(microseconds=1)
    row = scores(1).iloc[:1]
    for as_of, added in ((at(0) + moment, 0), (at(10) - moment, 0), (at(10) + moment, 1)):
        own = row.assign(as_of=pd.Timestamp(as_of)).astype({"as_of": "datetime64[us, UTC]"})
        assert played.add_model_scores(own).added == added
