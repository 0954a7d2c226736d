"""Rounds that an operator voids: they count for nobody, and when restored exactly as before."""

import json
from datetime import datetime, timedelta

import pytest

from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.rounds.void import Intent, Ruling, rounds_meant, rule
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.errors import RoundError
from tests.assets.conftest import MakePipeline
from tests.support.challenges import START, WINDOW
from tests.support.pipeline import LATER, Pipeline
from tests.support.tournament import NOON, tournament

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SPAN = Window(START + 16 * MINUTE, START + 20 * MINUTE)


def say(pipeline: Pipeline, ruling: Ruling, span: Window = SPAN, now: datetime = LATER) -> int:
    """An operator's word on the rounds of a span; how many rounds that is new of."""
    intent = Intent(ruling, span, None, "ann", "the exchange was down")
    with pipeline.ledger() as ledger:
        rounds = rounds_meant(pipeline.challenge, ledger, intent)
        rule(ledger, rounds, intent, now)
    return len(rounds)


@pytest.fixture(params=["sqlite", "postgresql"])
def pipeline(request: pytest.FixtureRequest, make_pipeline: MakePipeline) -> Pipeline:
    """The small challenge in each dialect."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    return make_pipeline(url=url)


def boards(ledger: Ledger) -> list[list[dict]]:
    """The entries of the newest boards."""
    stored = ledger.leaderboards(Mode.REPLAY, START, START + 3 * WINDOW)
    return [json.loads(text) for text in stored["entries_json"]]


def values(ledger: Ledger) -> list:
    """What counts of each cell."""
    scores = ledger.scores(Mode.REPLAY, START, START + 3 * WINDOW)
    names = ["performed_at", "model_id", "status", "value", "success", "rule", "failed_reason"]
    return scores[names].astype(object).where(scores[names].notna(), None).values.tolist()


def test_a_void_takes_scores_back_and_its_undo_brings_them_back_to_the_bit(
    pipeline: Pipeline,
) -> None:
    pipeline.succeed(START, 3)
    with pipeline.ledger() as ledger:
        before, counted = boards(ledger), values(ledger)
    assert say(pipeline, Ruling.VOIDED) == 4
    assert say(pipeline, Ruling.VOIDED) == 0
    pipeline.succeed(START, 3)
    with pipeline.ledger() as ledger:
        truths = ledger.ground_truths(SPAN.start, SPAN.end)
        scores = ledger.scores(Mode.REPLAY, SPAN.start, SPAN.end)
        changed = boards(ledger)
        [summary] = ledger.revisions("replay", newest=1)["summary_json"]
        document = json.loads(ledger.revisions("replay", newest=2)["summary_json"].iloc[0])
    assert truths["state"].tolist() == ["VOID"] * 4
    assert set(truths["reason"]) == {"voided by ann: the exchange was down"}
    assert scores["value"].isna().all()
    assert set(scores["status"]) == {"VOID"}
    assert changed[0] == before[0]
    n = [e["score"]["payload"]["windows"]["long"]["expected"] for e in changed[1]]
    was = [e["score"]["payload"]["windows"]["long"]["expected"] for e in before[1]]
    assert sum(was) - sum(n) == 4 * 4
    assert json.loads(summary)["causes"] == {"voided": 4} == document["causes"]
    again = pipeline.contents()
    pipeline.succeed(START, 3)
    assert all(again[name].equals(rows) for name, rows in pipeline.contents().items())
    assert say(pipeline, Ruling.RESTORED) == 4
    pipeline.succeed(START, 3)
    with pipeline.ledger() as ledger:
        assert boards(ledger) == before
        assert values(ledger) == counted
        assert json.loads(ledger.revisions("replay", newest=1)["summary_json"][0])["causes"] == {
            "restored": 4
        }
        truths = ledger.ground_truths(SPAN.start, SPAN.end)
    assert set(truths["version"]) == {3}
    assert set(truths["state"]) <= {"FINAL"}


def test_a_round_voided_before_it_is_resolved_never_counts_until_it_is_restored(
    pipeline: Pipeline,
) -> None:
    pipeline.succeed(START, 2, assets=["feed_records", "prediction_batch"])
    say(pipeline, Ruling.VOIDED)
    pipeline.succeed(START, 2)
    with pipeline.ledger() as ledger:
        assert ledger.scores(Mode.REPLAY, SPAN.start, SPAN.end).empty
        assert set(ledger.ground_truths(SPAN.start, SPAN.end)["version"]) == {1}
        assert ledger.leaderboards(Mode.REPLAY, START, START + 2 * WINDOW)["final"].all()
    say(pipeline, Ruling.RESTORED)
    pipeline.succeed(START, 2)
    with pipeline.ledger() as ledger:
        truths = ledger.ground_truths(SPAN.start, SPAN.end)
        assert truths["state"].tolist() == ["FINAL"] * 4
        assert ledger.scores(Mode.REPLAY, SPAN.start, SPAN.end)["value"].notna().any()


def test_what_is_said_of_no_round_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(RoundError, match="has no round in"):
        say(pipeline, Ruling.VOIDED, Window(START - 2 * WINDOW, START - WINDOW))
    intent = Intent(Ruling.VOIDED, SPAN, "eth", "ann", "why")
    with pipeline.ledger() as ledger:
        with pytest.raises(RoundError, match="no active prediction config 'eth'; it has: btc-1m"):
            rounds_meant(pipeline.challenge, ledger, intent)
        with pytest.raises(RoundError, match="--reason"):
            rounds_meant(pipeline.challenge, ledger, Intent(Ruling.VOIDED, SPAN, None, "ann", " "))
        own = Intent(Ruling.VOIDED, SPAN, None, "ann", "why")
        rounds = rounds_meant(pipeline.challenge, ledger, own)
        rule(ledger, rounds, own, LATER)
        with pytest.raises(RoundError, match="another operator"):
            rule(ledger, rounds, own, LATER)


def test_a_live_void_is_due_at_once_and_a_posting_meanwhile_is_not(tmp_path, monkeypatch) -> None:
    cup = tournament(tmp_path, monkeypatch)
    cup.open()
    cup.capture()
    cup.clock.wait_until(NOON + DAY)
    cup.post()
    cup.resolve()
    scored = cup.scores()
    span, now = Window(NOON, NOON + MINUTE), cup.clock.now()

    def due() -> bool:
        with cup.pipeline.ledger() as ledger:
            return ledger.due_rounds(now) is not None

    assert not due()
    say(cup.pipeline, Ruling.VOIDED, span, now)
    assert due()
    cup.pipeline.succeed(NOON.replace(hour=0), 1, assets=["ground_truth"])
    assert due()  # until the scores follow, whoever was killed before them
    cup.resolve()
    assert not due()
    assert cup.scores()["value"].isna().all()
    cup.post({"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1}, performed_at=NOON)
    assert not due()
    cup.post(performed_at=NOON)
    say(cup.pipeline, Ruling.RESTORED, span, now)
    assert due()
    cup.resolve()
    assert not due()
    assert cup.scores()["value"].tolist() == scored["value"].tolist()
