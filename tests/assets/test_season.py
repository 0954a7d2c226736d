"""Closed seasons from prices to payout: whatever comes later, their boards and payouts stay."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.checkpoint.state import State, Step
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.revision.pending import Pending
from coordinator_pipelines.domain.revision.season_desk import Intent, SeasonDesk
from coordinator_pipelines.domain.rounds.void import Ruling
from coordinator_pipelines.domain.season import state as season
from coordinator_pipelines.domain.values.errors import SeasonError
from coordinator_pipelines.storage.engine.database import parse_url
from tests.assets.conftest import MakePipeline
from tests.assets.test_pending_revision import DAY, FIRST_PAID, MIDNIGHT, WRONG, Cup, shares
from tests.assets.test_voided_round import say
from tests.support.challenges import START, WINDOW
from tests.support.pipeline import LATER, Pipeline
from tests.support.prices import write_candles
from tests.support.recompute import seconds
from tests.support.tournament import NOON, tournament

MINUTE = timedelta(minutes=1)
EARLY_END = START + 2 * WINDOW
SEASONS = [
    {"name": "early", "starts_at": START.isoformat(), "ends_at": EARLY_END.isoformat()},
    {"name": "late", "starts_at": EARLY_END.isoformat()},
]
PUBLISHED = ("model_scores", "leaderboards", "checkpoints")


def step(pipeline: Pipeline, kind: season.Step, name: str, now: datetime = LATER) -> season.State:
    """A step of an operator."""
    challenge = pipeline.challenge
    with pipeline.ledger() as ledger:
        pending = Pending(challenge, load_rules(challenge), ledger, now)
        desk = SeasonDesk(challenge, ledger, now, pending.told)
        return desk.take(Intent(kind, name, "ann", "it is over"))


def refused(pipeline: Pipeline, kind: season.Step, name: str, now: datetime = LATER) -> str:
    """Why a step is refused."""
    with pytest.raises(SeasonError) as refusal:
        step(pipeline, kind, name, now)
    return str(refusal.value)


def stored(url: str, until: datetime) -> dict[str, list[Any]]:
    """Every column of every version that is published until an instant, run and time included."""
    engine = sa.create_engine(parse_url(url))
    with engine.connect() as connection:
        bound = until if engine.name == "postgresql" else int(until.timestamp() * 1_000_000)
        every = {
            table: sorted(
                map(tuple, connection.execute(
                    sa.text(f"SELECT * FROM {table} WHERE as_of <= :until"), {"until": bound}
                )), key=repr,
            )
            for table in PUBLISHED
        }  # fmt: skip
    engine.dispose()
    return every


@pytest.fixture
def played(database_url: str, make_pipeline: MakePipeline) -> Pipeline:
    """Three windows of a challenge whose first season is two windows long, in each dialect."""
    pipeline = make_pipeline(url=database_url, seasons=SEASONS)
    pipeline.succeed(START, 3)
    return pipeline


def test_a_frozen_season_stays_byte_for_byte_whatever_is_tried(
    played: Pipeline, closes: dict[int, float], tmp_path: Path
) -> None:
    assert "goes on until" in refused(played, season.Step.FROZEN, "early", START + WINDOW)
    assert "has no end" in refused(played, season.Step.FROZEN, "late")
    assert "there are: early, late" in refused(played, season.Step.FROZEN, "never")
    assert "only one that is FROZEN" in refused(played, season.Step.FINALIZED, "early")
    assert step(played, season.Step.FROZEN, "early") is season.State.FROZEN
    before = stored(played.url, EARLY_END)
    assert len(before["leaderboards"]) == 2
    revised = START + 20 * MINUTE
    was, before_it = closes[seconds(revised)], closes[seconds(revised) - 60]
    turned = before_it + (1 if was <= before_it else -1)
    write_candles(tmp_path / "prices.csv", {**closes, seconds(revised): turned})
    played.clock.instant = LATER + DAY
    result = played.succeed(START, 3)
    assert all(check.passed for check in played.checks(result))
    with pytest.raises(SeasonError, match=r"season early is FROZEN.* 02:16:00 UTC.*reopen early"):
        say(played, Ruling.VOIDED)
    with played.ledger() as ledger:
        assert (ledger.ground_truths(START, EARLY_END)["version"] == 2).any()
        boards = ledger.leaderboards(Mode.REPLAY, START, START + 3 * WINDOW)
        assert boards["version"].tolist() == [1, 1, 2]
        assert ledger.revisions("replay", newest=9)["as_of"].nunique() == 1
    assert stored(played.url, EARLY_END) == before
    for asset in ("model_scores", "leaderboard"):
        told = played.metadata(asset)
        first, second, third = (told[f"{START + i * WINDOW:%Y-%m-%d-%H:%M}"] for i in range(3))
        assert first["season"] == "the season early is FROZEN; it is as it would come out today"
        assert "would come out otherwise today, and stays as it is" in second["season"]
        assert "season" not in third
    assert step(played, season.Step.REOPENED, "early") is season.State.OPEN
    played.succeed(START, 2)
    after = stored(played.url, EARLY_END)
    assert len(after["leaderboards"]) == 3
    assert step(played, season.Step.FROZEN, "early") is season.State.FROZEN
    assert step(played, season.Step.FINALIZED, "early") is season.State.FINAL
    assert "what is final never changes" in refused(played, season.Step.REOPENED, "early")
    write_candles(tmp_path / "prices.csv", closes)
    played.succeed(START, 3)
    with pytest.raises(SeasonError, match="what is final never changes"):
        say(played, Ruling.VOIDED)
    assert stored(played.url, EARLY_END) == after


def test_a_season_whose_last_board_is_not_final_is_not_frozen(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(seasons=SEASONS)
    pipeline.succeed(START, 2, assets=["feed_records", "prediction_batch"])
    pipeline.succeed(START, 1, assets=["ground_truth", "scores"])
    pipeline.succeed(START, 2, assets=["model_scores", "leaderboard"])
    said = refused(pipeline, season.Step.FROZEN, "early")
    assert "the replay board as of 2025-01-01 02:30:00 UTC, the last of early, is not final" in said


def test_a_season_whose_last_board_is_missing_is_not_frozen(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(seasons=SEASONS)
    pipeline.succeed(START, 1)
    said = refused(pipeline, season.Step.FROZEN, "early")
    assert "is not computed yet" in said
    assert "`leaderboard` of the partition 2025-01-01-02:15" in said


def test_a_live_season_is_paid_as_it_was_frozen(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spring = {"name": "spring", "starts_at": MIDNIGHT, "ends_at": FIRST_PAID + DAY}
    cup = Cup(
        tournament(
            tmp_path, monkeypatch, url=database_url, checkpoint_interval_seconds=86400,
            seasons=[{k: v if k == "name" else v.isoformat() for k, v in spring.items()}],
        )
    )  # fmt: skip
    pipeline, clock = cup.pipeline, cup.cup.clock
    cup.play()
    cup.finish(2)
    computed = cup.compute(MIDNIGHT)
    missing = refused(pipeline, season.Step.FROZEN, "spring", clock.now())
    assert "`cup_checkpoint` for the partition 2026-03-02-00:00" in missing
    first = cup.compute(FIRST_PAID)
    cup.say(Ruling.VOIDED)
    waits = refused(pipeline, season.Step.FROZEN, "spring", clock.now())
    assert "waits for a revision" in waits
    cup.say(Ruling.RESTORED)
    cup.cup.resolve(2)
    step(pipeline, season.Step.FROZEN, "spring", clock.now())
    before = stored(pipeline.url, FIRST_PAID + DAY)
    assert len(before["checkpoints"]) == 2
    cup.cup.post(WRONG, performed_at=NOON)
    cup.finish(3)
    with pytest.raises(SeasonError, match="the season spring is FROZEN"):
        cup.say(Ruling.VOIDED)
    assert cup.compute(FIRST_PAID)["version"] == 1
    assert stored(pipeline.url, FIRST_PAID + DAY) == before
    following = cup.compute(FIRST_PAID + DAY)
    assert shares(following)["wrong"] > shares(following)["right"]
    assert json.loads(following["meta_json"])["settlements"] == []
    cup.take(first["id"], Step.APPROVED)
    approved = refused(pipeline, season.Step.FINALIZED, "spring", clock.now())
    assert approved.startswith(f"{first['id']} is approved; finish its payout first")
    cup.take(first["id"], Step.SUBMITTED, "0x1")
    assert cup.take(first["id"], Step.PAID, "0x1") is State.PAID
    step(pipeline, season.Step.FINALIZED, "spring", clock.now())
    assert stored(pipeline.url, FIRST_PAID + DAY) == before
    told = pipeline.metadata("checkpoint")[f"{FIRST_PAID:%Y-%m-%d-%H:%M}"]
    assert told["season"].startswith("the season spring is FROZEN")
    assert computed["version"] == 1
