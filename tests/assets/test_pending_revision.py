"""What is corrected before it is paid is paid as corrected; what is paid is settled afterwards."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.checkpoint import desk
from coordinator_pipelines.domain.checkpoint.shares import WHOLE
from coordinator_pipelines.domain.checkpoint.state import State, Step
from coordinator_pipelines.domain.revision.pending import Pending
from coordinator_pipelines.domain.rounds.void import Intent, Ruling, rounds_meant, rule
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.errors import CheckpointError
from tests.support.pipeline import failure_text
from tests.support.tournament import NOON, Tournament, tournament

DAY = timedelta(days=1)
MIDNIGHT = NOON.replace(hour=0)
FIRST_PAID = MIDNIGHT + DAY
"""Start of the period in which the first round is resolved."""
WRONG = {"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1}


class Cup:
    """A live tournament whose days are checkpoint periods."""

    def __init__(self, cup: Tournament) -> None:
        self.cup, self.pipeline = cup, cup.pipeline

    def play(self) -> None:
        """A round, resolved a day later."""
        self.cup.open()
        self.cup.capture()
        self.cup.clock.wait_until(self.cup.clock.now() + DAY)
        self.cup.post()

    def finish(self, days: int) -> None:
        """So many days are over, and their boards computed."""
        self.cup.clock.wait_until(MIDNIGHT + days * DAY + timedelta(hours=1))
        self.cup.resolve(days)

    def compute(self, period_start: Any) -> "pd.Series[Any]":
        """The checkpoint of a day, computed by its job."""
        result = self.pipeline.run(period_start, 1, job="checkpoint")
        assert result.success, failure_text(result)
        with self.pipeline.ledger() as ledger:
            return ledger.checkpoints("live", [period_start + DAY]).iloc[-1]

    def take(self, name: str, step: Step, reference: str | None = None) -> State:
        """A step of an operator."""
        challenge, now = self.pipeline.challenge, self.cup.clock.now()
        with self.pipeline.ledger() as ledger:
            pending = Pending(challenge, load_rules(challenge), ledger, now)
            return desk.take(ledger, name, desk.Intent(step, "op", reference), now, pending.told)

    def refused(self, name: str, step: Step = Step.APPROVED) -> str:
        """Why a step is refused."""
        with pytest.raises(CheckpointError) as refusal:
            self.take(name, step, "0x1")
        return str(refusal.value)

    def pay(self, name: str) -> None:
        """All the way to PAID."""
        self.take(name, Step.APPROVED)
        self.take(name, Step.SUBMITTED, "0x1")
        self.take(name, Step.PAID, "0x1")

    def say(self, ruling: Ruling) -> None:
        """An operator's word on the first round."""
        span = Window(NOON, NOON + timedelta(minutes=1))
        intent = Intent(ruling, span, None, "ann", "the table was wrong")
        with self.pipeline.ledger() as ledger:
            rounds = rounds_meant(self.pipeline.challenge, ledger, intent)
            rule(ledger, rounds, intent, self.cup.clock.now())


@pytest.fixture
def played(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cup:
    """A tournament with one round and its board of record, in each dialect."""
    own = tournament(tmp_path, monkeypatch, url=database_url, checkpoint_interval_seconds=86400)
    cup = Cup(own)
    cup.play()
    cup.finish(2)
    return cup


def shares(checkpoint: "pd.Series[Any]") -> dict[str, int]:
    """Model -> its share."""
    return {e["model_id"]: e["share"] for e in json.loads(checkpoint["entries_json"])}


def test_nothing_is_approved_or_submitted_until_every_stage_follows_a_correction(
    played: Cup,
) -> None:
    first = played.compute(FIRST_PAID)
    name, resolve = first["id"], ("2026-03-01-00:00", "`coordinator boards --refresh`")
    played.take(name, Step.APPROVED)
    played.say(Ruling.VOIDED)
    assert "`ground_truth` is outdated" in played.refused(name, Step.SUBMITTED)
    played.say(Ruling.RESTORED)
    played.cup.post(WRONG, performed_at=NOON)
    for stage, materialized, said in (
        ("ground_truth", [], resolve),
        ("scores", ["ground_truth"], resolve),
        ("leaderboard", ["scores"], ("2026-03-03 00:00:00 UTC", resolve[1])),
        ("checkpoint", ["model_scores", "leaderboard"], ("2026-03-02-00:00", "`cup_checkpoint`")),
    ):
        if materialized:
            played.pipeline.succeed(MIDNIGHT, 2, job="resolve", assets=materialized)
        told = played.refused(name, Step.SUBMITTED)
        assert told.startswith(f"{name} waits for a revision: ")
        assert f"`{stage}` is outdated; " in told
        assert all(part in told for part in said)
        assert ("1 round (returns-1d of 2026-03-01 12:00:00 UTC)" in told) == (said is resolve)
    second = played.compute(FIRST_PAID)
    assert second["version"] == 2
    assert shares(second)["wrong"] == shares(first)["right"] > shares(second)["right"]
    assert "superseded" in played.refused(name, Step.SUBMITTED)
    played.pay(second["id"])


def test_a_round_that_is_voided_after_it_was_paid_is_settled_in_the_next_period(
    played: Cup,
) -> None:
    paid = played.compute(FIRST_PAID)
    played.pay(paid["id"])
    played.say(Ruling.VOIDED)
    played.finish(3)
    corrected = played.compute(FIRST_PAID)
    assert corrected["version"] == 2
    assert set(shares(corrected).values()) == {0}
    assert "pays nobody" in played.refused(corrected["id"])
    following = played.compute(FIRST_PAID + DAY)
    meta = json.loads(following["meta_json"])
    owed = {
        "period_end": (FIRST_PAID + DAY).isoformat(),
        "paid": paid["id"],
        "corrected": corrected["id"],
        "account": "c-alice",
        "difference": -WHOLE,
    }
    assert meta["settlements"] == [owed]
    assert meta["withheld"] == WHOLE
    played.pay(following["id"])  # it pays nobody, and settles
    played.say(Ruling.RESTORED)
    played.finish(4)
    restored = played.compute(FIRST_PAID)
    assert restored["version"] == 3
    assert shares(restored) == shares(paid)
    last = json.loads(played.compute(FIRST_PAID + 2 * DAY)["meta_json"])
    assert last["settlements"] == [owed | {"corrected": restored["id"], "difference": WHOLE}]


def test_a_void_before_the_payout_gives_a_version_that_supersedes_it(played: Cup) -> None:
    first = played.compute(FIRST_PAID)
    for version, ruling, paid in ((2, Ruling.VOIDED, {0}), (3, Ruling.RESTORED, {0, WHOLE})):
        played.say(ruling)
        played.finish(3)
        newest = played.compute(FIRST_PAID)
        assert newest["version"] == version
        assert set(shares(newest).values()) == paid
        assert "is superseded by" in played.refused(first["id"])
    assert shares(newest) == shares(first)
    assert json.loads(played.compute(FIRST_PAID + DAY)["meta_json"])["settlements"] == []
    played.pay(newest["id"])
