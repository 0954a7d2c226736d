"""Payouts from prices to shares: on final boards only, once, corrected without paying twice."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.checkpoint import desk, formats
from coordinator_pipelines.domain.checkpoint.checkpoint import Checkpoints
from coordinator_pipelines.domain.checkpoint.period import due_periods
from coordinator_pipelines.domain.checkpoint.settlement import differences
from coordinator_pipelines.domain.checkpoint.shares import WHOLE
from coordinator_pipelines.domain.checkpoint.state import State, Step
from coordinator_pipelines.domain.doors.ledger import LEADERBOARD_COLUMNS, Mode
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.revision.pending import Pending
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.content import content_hash
from coordinator_pipelines.domain.values.errors import CheckpointError
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.assets.conftest import MakePipeline
from tests.domain.checkpoint.entries import entry
from tests.storage.examples import frame, memberships
from tests.support.challenges import START
from tests.support.participants import FOUR, write_participants
from tests.support.pipeline import LATER, Pipeline, failure_text, open_ledger

HOUR = timedelta(hours=1)
PERIOD = {"checkpoint_interval_seconds": 3600}
FIRST = Window(START, START + HOUR)
SECOND_ONE = Window(START + HOUR, START + 2 * HOUR)


def own_accounts(directory: Path) -> None:
    """Give each participant an owner of its own."""
    path = directory / "models.yaml"
    roster = yaml.safe_load(path.read_text())
    for model in roster["models"]:
        model["owner"] = f"owner-of-{model['id']}"
    path.write_text(yaml.safe_dump(roster))


@pytest.fixture(params=["sqlite", "postgresql"])
def paid(request: pytest.FixtureRequest, tmp_path: Path, make_pipeline: MakePipeline) -> Pipeline:
    """Two hours of the small challenge, and the checkpoints of both, in each dialect."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    write_participants(tmp_path, {**FOUR, "copycat": FOUR["follower"]})
    own_accounts(tmp_path)
    pipeline = make_pipeline(url=url, **PERIOD)
    pipeline.succeed(START, 8)
    result = pipeline.run(START, 5, job="checkpoint")
    assert result.success, failure_text(result)
    assert all(check.passed for check in pipeline.checks(result))
    return pipeline


def test_what_is_paid_is_what_the_board_of_record_shows(paid: Pipeline) -> None:
    with paid.ledger() as ledger:
        stored = ledger.checkpoints("replay", [FIRST.end, SECOND_ONE.end])
        boards = ledger.leaderboards(Mode.REPLAY, START, SECOND_ONE.end).set_index("as_of")
    assert stored["version"].tolist() == [1, 1]
    for row in stored.to_dict("records"):
        entries, board = json.loads(row["entries_json"]), boards.loc[row["period_end"]]
        assert board["final"]
        shown = [e["model_id"] for e in json.loads(board["entries_json"])]
        assert [e["model_id"] for e in entries] == shown
        assert sum(e["share"] for e in entries) == WHOLE
        assert entries[0]["share"] == max(e["share"] for e in entries)
        meta = json.loads(row["meta_json"])
        [source] = meta["boards"]
        assert source["content_hash"] == board["content_hash"]
        copied, same_code, constant = meta["findings"]
        assert copied["models"] == ["copycat", "follower"]
        assert "answer alike: over 60 rounds, 0 % of the variation" in copied["text"]
        assert (copied["blocking"], constant["blocking"]) == (True, False)
        assert constant["name"] == "constant:half"
        assert constant["text"].endswith("gives the same answer in every round: 0.5, 60 times")
        assert same_code["models"] == ["copycat", "follower"]
        assert same_code["name"].startswith("same-code:")
        assert all(found["rounds"] for found in meta["findings"])
    told = paid.metadata("checkpoint")[f"{START:%Y-%m-%d-%H:%M}"]
    assert told["checkpoint"] == stored["id"].iloc[0]
    assert told["paid accounts"] == 5
    assert told["findings"] == 3
    _same_again_writes_nothing(paid)
    _nobody_is_paid_for_a_replay(paid, stored["id"].iloc[0])


def _same_again_writes_nothing(paid: Pipeline) -> None:
    tables = ("checkpoints", "payout_accounts")
    before = paid.contents(tables)
    paid.run(START, 5, job="checkpoint")
    after = paid.contents(tables)
    assert all(after[table].equals(before[table]) for table in tables)
    assert sorted(before["payout_accounts"]["cruncher_index"]) == ["0", "1", "2", "3", "4"]


def _nobody_is_paid_for_a_replay(paid: Pipeline, name: str) -> None:
    intent = desk.Intent(Step.APPROVED, "op")
    with paid.ledger() as ledger, pytest.raises(CheckpointError, match="dry run"):
        desk.take(ledger, name, intent, LATER, lambda _: None)


def test_a_period_without_a_final_board_waits_and_names_the_rounds(
    make_pipeline: MakePipeline,
) -> None:
    pipeline = make_pipeline(**PERIOD)
    early = pipeline.run(START, 1, job="checkpoint")
    assert not early.success
    assert "nobody has taken part yet" in failure_text(early)
    pipeline.succeed(START, 4, assets=["feed_records", "prediction_batch"])
    pipeline.succeed(START, 3, assets=["ground_truth", "scores"])
    pipeline.succeed(START, 4, assets=["model_scores", "leaderboard"])
    waiting = pipeline.run(START, 1, job="checkpoint")
    assert not waiting.success
    said = failure_text(waiting)
    assert "the board as of 2025-01-01 03:00:00 UTC is not final" in said
    assert "no outcome yet of btc-1m of 2025-01-01 02:45:00 UTC" in said
    assert "more" in said
    assert pipeline.rows("checkpoints").empty


class Office:
    """Live checkpoints of the small challenge on boards that a test writes."""

    def __init__(self, ledger: SqlLedger, challenge: Any) -> None:
        self.ledger, self.challenge = ledger, challenge
        ledger.record_memberships(memberships(["a", "b"], Mode.LIVE))

    def board(self, end: datetime, scores: dict[str, float], version: int = 1) -> None:
        """A final live board as of an instant."""
        ordered = sorted(scores.items(), key=lambda item: -item[1])
        entries = [entry(m, value, rank=rank) for rank, (m, value) in enumerate(ordered, 1)]
        row = {
            "mode": "live", "as_of": end, "version": version, "final": True,
            "entries_json": json.dumps(entries), "meta_json": "{}",
            "content_hash": content_hash(entries), "run_id": "run",
        }  # fmt: skip
        self.ledger.add_leaderboards(frame([row], LEADERBOARD_COLUMNS))

    def compute(self, period: Window, **meta: Any) -> "pd.Series[Any]":
        """The period's checkpoint, computed and stored; ``meta``: what it is to say besides."""
        boards = Boards(
            self.challenge, load_rules(self.challenge), self.ledger, Mode.LIVE, "run", LATER
        )
        checkpoints = Checkpoints(boards)
        assert checkpoints.waits_for(period) is None
        row = checkpoints.checkpoint(period)
        if meta:
            row["meta_json"] = json.dumps(json.loads(row["meta_json"].item()) | meta)
        self.ledger.add_checkpoint(row)
        return row.iloc[0]

    def take(self, name: str, step: Step, **words: str) -> State:
        """A step of an operator."""
        intent = replace(desk.Intent(step, "op"), **words)
        now = datetime(2025, 2, 1, tzinfo=UTC)
        pending = Pending(self.challenge, load_rules(self.challenge), self.ledger, now)
        return desk.take(self.ledger, name, intent, now, pending.told)

    def pay(self, name: str) -> None:
        """All the way to PAID."""
        self.take(name, Step.APPROVED)
        self.take(name, Step.SUBMITTED, reference="0x1")
        self.take(name, Step.CLAIMABLE)
        assert self.take(name, Step.PAID, reference="0x1") is State.PAID

    def accounts(self, checkpoint: "pd.Series[Any]") -> dict[str, int]:
        """Account -> share."""
        entries = json.loads(checkpoint["entries_json"])
        return {e["account"]: e["share"] for e in entries if e["share"]}


@pytest.fixture
def office(database_url: str, make_pipeline: MakePipeline) -> Iterator[Office]:
    """An office of the small challenge, on each dialect."""
    emission = {"strategy": "tiers", "tiers": [{"places": 1, "share": 0.6}]}
    challenge = make_pipeline(emission=emission, **PERIOD).challenge
    with open_ledger(database_url, challenge) as ledger:
        yield Office(ledger, challenge)


def test_states_follow_one_another_and_no_other_way(office: Office) -> None:
    office.board(FIRST.end, {"a": 0.9, "b": 0.8})
    name = str(office.compute(FIRST)["id"])
    assert name == "ckp-live-20250101T0300Z-v1"
    for step, said in (
        (Step.SUBMITTED, "not approved"),
        (Step.CLAIMABLE, "is PENDING; only a checkpoint that is SUBMITTED"),
        (Step.PAID, "is PENDING; only a checkpoint that is SUBMITTED or CLAIMABLE"),
        (Step.WITHDRAWN, "is PENDING"),
    ):
        with pytest.raises(CheckpointError, match=said):
            office.take(name, step, reference="0x1", reason="why")
    office.take(name, Step.APPROVED)
    with pytest.raises(CheckpointError, match="SUBMITTED needs a reference"):
        office.take(name, Step.SUBMITTED)
    assert office.take(name, Step.SUBMITTED, reference="0x1") is State.SUBMITTED
    assert office.take(name, Step.WITHDRAWN, reason="rejected") is State.PENDING
    with pytest.raises(CheckpointError, match="not approved"):
        office.take(name, Step.SUBMITTED, reference="0x2")
    office.pay(name)
    with pytest.raises(CheckpointError, match="is PAID"):
        office.take(name, Step.WITHDRAWN, reason="no")
    events = office.ledger.checkpoint_events([name])
    assert events["sequence"].tolist() == list(range(1, 8))
    assert set(events["actor"]) == {"op"}
    with pytest.raises(CheckpointError, match="there is no checkpoint 'ckp-none'"):
        office.take("ckp-none", Step.APPROVED)


def test_a_finding_stops_the_payout_until_somebody_answers_for_it(office: Office) -> None:
    office.board(FIRST.end, {"a": 0.9, "b": 0.8})
    finding = {"name": "copy:a:b", "blocking": True, "text": "alike"}
    seen = {"name": "constant:a", "blocking": False, "text": "constant"}
    stored = office.compute(FIRST, findings=[finding, seen])
    with pytest.raises(CheckpointError, match="nobody has acknowledged: copy:a:b"):
        office.take(stored["id"], Step.APPROVED)
    with pytest.raises(CheckpointError, match="ACKNOWLEDGED needs a reason"):
        office.take(stored["id"], Step.ACKNOWLEDGED, reference="copy:a:b")
    with pytest.raises(CheckpointError, match="no finding 'copy:a:c'; it has: copy:a:b"):
        office.take(stored["id"], Step.ACKNOWLEDGED, reference="copy:a:c", reason="why")
    office.take(stored["id"], Step.ACKNOWLEDGED, reference="copy:a:b", reason="twins")
    office.pay(stored["id"])


def test_two_operators_at_once_take_one_step(office: Office) -> None:
    office.board(FIRST.end, {"a": 0.9, "b": 0.8})
    name = str(office.compute(FIRST)["id"])
    event = frame(
        [{"checkpoint_id": name, "sequence": 1, "at": LATER, "kind": "APPROVED", "actor": "x"}],
        ("checkpoint_id", "sequence", "at", "kind", "actor", "reference", "reason"),
    )
    assert office.ledger.add_checkpoint_event(event)
    assert not office.ledger.add_checkpoint_event(event)


def test_a_correction_supersedes_what_is_not_paid(office: Office) -> None:
    office.board(FIRST.end, {"a": 0.9, "b": 0.8})
    first = office.compute(FIRST)
    office.take(first["id"], Step.APPROVED)
    office.board(FIRST.end, {"a": 0.7, "b": 0.8}, version=2)
    second = office.compute(FIRST)
    assert second["version"] == 2
    assert [(d.account, d.before, d.after) for d in differences(first, second)] == [
        ("a", 800_000_000, 200_000_000), ("b", 200_000_000, 800_000_000),
    ]  # fmt: skip
    with pytest.raises(CheckpointError, match="superseded by ckp-live-20250101T0300Z-v2"):
        office.take(first["id"], Step.SUBMITTED, reference="0x1")
    office.pay(second["id"])
    assert office.compute(FIRST)["version"] == 2


def test_a_correction_of_what_is_on_its_way_waits_for_it(office: Office) -> None:
    office.board(FIRST.end, {"a": 0.9, "b": 0.8})
    first = office.compute(FIRST)
    office.take(first["id"], Step.APPROVED)
    office.take(first["id"], Step.SUBMITTED, reference="0x1")
    office.board(FIRST.end, {"a": 0.7, "b": 0.8}, version=2)
    second = office.compute(FIRST)
    with pytest.raises(CheckpointError, match="nobody is paid twice"):
        office.take(second["id"], Step.APPROVED)
    office.take(first["id"], Step.WITHDRAWN, reason="reverted")
    office.pay(second["id"])


def test_a_correction_of_what_is_paid_is_settled_once_in_a_later_period(office: Office) -> None:
    office.board(FIRST.end, {"a": 0.9, "b": 0.8})
    first = office.compute(FIRST)
    office.pay(first["id"])
    office.board(FIRST.end, {"a": 0.7, "b": 0.8}, version=2)
    corrected = office.compute(FIRST)
    with pytest.raises(CheckpointError, match="is PAID by"):
        office.take(corrected["id"], Step.APPROVED)
    office.board(SECOND_ONE.end, {"a": 0.9, "b": 0.8})
    second = office.compute(SECOND_ONE)
    settled = json.loads(second["meta_json"])["settlements"]
    assert [(s["account"], s["difference"]) for s in settled] == [
        ("a", -600_000_000), ("b", 600_000_000),
    ]  # fmt: skip
    assert {s["paid"] for s in settled} == {first["id"]}
    office.pay(second["id"])
    third = Window(SECOND_ONE.end, SECOND_ONE.end + HOUR)
    office.board(third.end, {"a": 0.9, "b": 0.8})
    assert json.loads(office.compute(third)["meta_json"])["settlements"] == []
    assert office.compute(SECOND_ONE)["version"] == 1
    office.board(FIRST.end, {"a": 0.9, "b": 0.8}, version=3)
    office.compute(FIRST)
    back = json.loads(office.compute(third)["meta_json"])["settlements"]
    assert [(s["account"], s["difference"]) for s in back] == [
        ("a", 600_000_000), ("b", -600_000_000),
    ]  # fmt: skip


def test_a_models_account_and_index_never_change_once_they_were_used(office: Office) -> None:
    office.board(FIRST.end, {"a": 0.9, "b": 0.8})
    office.compute(FIRST)
    office.board(SECOND_ONE.end, {"c": 0.95, "b": 0.8, "a": 0.7})
    emission = formats.emission(office.compute(SECOND_ONE))
    told = {r["cruncher_index"]: r["reward_pct"] for r in emission["cruncher_rewards"]}
    assert sorted(told) == [0, 1, 2]
    assert told[2] == max(told.values())
    assert sum(told.values()) == WHOLE
    accounts = office.ledger.payout_accounts("live").set_index("model_id")
    assert accounts["cruncher_index"].to_dict() == {"a": 0, "b": 1, "c": 2}


def test_formats_add_up_to_the_whole(office: Office) -> None:
    office.board(FIRST.end, {"a": 0.9, "b": 0.8, "c": 0.7})
    stored = office.compute(FIRST)
    cli = formats.cli_format(stored)
    assert cli["crunchEmission"] == {
        "a": 73.3333334, "b": 13.3333333, "c": 13.3333333,
    }  # fmt: skip
    prizes = formats.prizes(stored, 1000)
    assert [p["prize"] for p in prizes] == [734, 133, 133]
    assert prizes[0]["prizeId"] == f"{stored['id']}-a"
    assert prizes[0]["timestamp"] == int(FIRST.end.timestamp())


def test_due_are_live_periods_whose_board_is_final(office: Office) -> None:
    ledger, challenge = office.ledger, office.challenge
    assert due_periods(challenge, ledger, LATER) == []
    columns = (
        "run_id", "span_start", "span_end", "started_at", "alive_until", "ended_at", "end_reason",
    )  # fmt: skip
    row = {"run_id": "r", "span_start": START, "span_end": START + HOUR, "started_at": START}
    capture = frame([row | {"alive_until": START}], columns)
    ledger.record_capture(capture)
    now = SECOND_ONE.end + timedelta(minutes=10)
    assert due_periods(challenge, ledger, now) == []
    office.board(FIRST.end, {"a": 0.9, "b": 0.8})
    [due] = due_periods(challenge, ledger, now)
    assert due.period == FIRST
    assert due.never_computed
    office.compute(FIRST)
    [again] = due_periods(challenge, ledger, now)
    assert not again.never_computed
    assert again.boards == due.boards
    office.board(FIRST.end, {"a": 0.7, "b": 0.8}, version=2)
    assert due_periods(challenge, ledger, now)[0].boards != due.boards
