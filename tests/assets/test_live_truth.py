"""Truths of live rounds: provisional, final, revised, void, unresolvable; and what follows."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.ground_truth.resolution import span_to_resolve
from tests.support.late_feed import LateFeed
from tests.support.live import LIVE_START, LivePipeline, live_pipeline

QUARTER = timedelta(minutes=15)
SETTLED = 200
"""Seconds after which no answer can come in any more."""
FIRST = "2026-03-01-12:00"
FAR = datetime.max.replace(tzinfo=LIVE_START.tzinfo)


def at(seconds: float) -> datetime:
    return LIVE_START + timedelta(seconds=seconds)


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LivePipeline:
    """Four rounds, at 0, 15, 30 and 45 seconds, resolvable a minute later each."""
    live = live_pipeline(tmp_path, monkeypatch)
    live.capture(at(0), at(60))
    return live


@pytest.fixture
def feed(live: LivePipeline) -> LateFeed:
    """The challenge's feed, to be meddled with."""
    return live.feed_of_its_own()


def close(feed: LateFeed, seconds: float) -> float:
    records = feed.inner.records(["BTCUSDT"], at(seconds), at(seconds + 1))
    return float(records["close"].item())


def resolve(live: LivePipeline, now: datetime) -> dict[str, Any]:
    """A resolution as the sensor would ask for it; what it says of the first window."""
    live.clock.wait_until(now)
    with live.pipeline.ledger() as ledger:
        span = span_to_resolve(live.pipeline.challenge, ledger, now)
    assert span is not None
    live.resolve(span.start, (span.end - span.start) // QUARTER)
    return live.pipeline.metadata("ground_truth")[FIRST]


def truth(live: LivePipeline, performed_at: datetime) -> dict[str, Any]:
    """The newest truth of a round."""
    with live.pipeline.ledger() as ledger:
        [row] = ledger.ground_truths(performed_at, performed_at + timedelta(seconds=1)).to_dict(
            "records"
        )
    return row


def scores(live: LivePipeline, performed_at: datetime):
    with live.pipeline.ledger() as ledger:
        return ledger.scores(Mode.LIVE, performed_at, performed_at + timedelta(seconds=1))


def test_a_price_is_provisional_until_a_later_bar_proves_it(live: LivePipeline) -> None:
    said = resolve(live, at(76.5))
    assert (said["final"], said["provisional"], said["not resolved yet"]) == (1, 1, 58)
    with live.pipeline.ledger() as ledger:
        assert ledger.ground_truths(at(15), at(16)).empty
    said = resolve(live, at(77))
    assert (said["final"], said["provisional"], said["not resolved yet"]) == (2, 0, 58)
    assert truth(live, at(15))["state"] == "FINAL"


def test_a_round_that_may_still_wait_is_not_wrong_and_one_that_waits_too_long_is(
    live: LivePipeline, feed: LateFeed
) -> None:
    feed.withheld.append(((at(90), at(91)), FAR))
    live.clock.wait_until(at(100))
    assert not live.pipeline.red(live.resolve(LIVE_START), "truth_finality")
    live.clock.wait_until(at(3600))
    late = live.pipeline.red(live.resolve(LIVE_START), "truth_finality")
    assert late[FIRST].problems.splitlines() == [  # that end, and that begin, with the record
        "* 2026-03-01 12:00:30 UTC: not resolved yet",
        "* 2026-03-01 12:01:30 UTC: not resolved yet",
    ]


def test_a_bar_that_changes_before_the_board_of_record_revises_truth_and_scores(
    live: LivePipeline, feed: LateFeed
) -> None:
    entry = close(feed, 15)
    was_up = close(feed, 75) > entry
    feed.changed[at(75)] = (at(100), entry - 5 if was_up else entry + 5)
    resolve(live, at(90))
    assert truth(live, at(15))["outcome"] == float(was_up)
    said = resolve(live, at(120))
    assert said["revised"] == 1
    revised = truth(live, at(15))
    assert (revised["version"], revised["outcome"]) == (2, float(not was_up))
    assert scores(live, at(15))["version"].tolist() == [2, 2]
    assert scores(live, at(30))["version"].tolist() == [1, 1]
    resolve(live, at(900 + SETTLED))
    with live.pipeline.ledger() as ledger:
        [board] = ledger.leaderboards(Mode.LIVE, at(899), at(900)).to_dict("records")
        assert board["final"]
        assert ledger.due_rounds(live.clock.now()) is None


def test_an_unchanged_price_does_not_count(live: LivePipeline, feed: LateFeed) -> None:
    feed.changed[at(75)] = (at(0), close(feed, 15))
    said = resolve(live, at(120))
    assert said["void"] == 1
    assert truth(live, at(15))["state"] == "VOID"
    assert scores(live, at(15)).empty
    with live.pipeline.ledger() as ledger:
        assert ledger.due_rounds(at(118)) is None


def test_a_bar_that_never_comes_makes_its_round_unresolvable_after_the_deadline(
    live: LivePipeline, feed: LateFeed
) -> None:
    feed.withheld.append(((at(75), at(76)), FAR))
    said = resolve(live, at(900 + SETTLED))
    assert (said["unresolvable"], said["provisional"]) == (0, 0)
    with live.pipeline.ledger() as ledger:
        assert ledger.due_rounds(live.clock.now()).first == at(15)  # type: ignore[union-attr]
        assert not ledger.newest_leaderboard(Mode.LIVE, at(900))["final"].item()
    resolve(live, at(75 + 3600))
    with live.pipeline.ledger() as ledger:
        assert ledger.ground_truths(at(15), at(16)).empty
    resolve(live, at(75 + 3602))
    told = truth(live, at(15))
    assert told["state"] == "UNRESOLVABLE"
    assert told["reason"] == "no record of 2026-03-01 12:01:15 UTC"
    with live.pipeline.ledger() as ledger:
        assert ledger.due_rounds(at(200)) is None
        [board] = ledger.leaderboards(Mode.LIVE, at(899), at(900)).to_dict("records")
    assert board["final"]


def test_a_round_that_nobody_was_asked_keeps_no_board_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = live_pipeline(tmp_path, monkeypatch)
    live.feed_of_its_own().withheld.append(((at(-60), at(1)), FAR))
    live.capture(at(0), at(60))
    assert live.rounds()["status"].tolist() == ["VOID", "ASKED", "ASKED", "ASKED"]
    resolve(live, at(900 + 300))
    with live.pipeline.ledger() as ledger:
        assert ledger.ground_truths(at(0), at(1)).empty
        assert ledger.newest_leaderboard(Mode.LIVE, at(900))["final"].item()


def test_a_bar_that_comes_before_the_deadline_resolves_its_round(
    live: LivePipeline, feed: LateFeed
) -> None:
    feed.withheld.append(((at(75), at(76)), at(3000)))
    resolve(live, at(1020))
    resolve(live, at(3001))
    assert truth(live, at(15))["state"] == "FINAL"
    assert len(scores(live, at(15))) == 2


@pytest.mark.slow
def test_a_horizon_longer_than_a_window_is_resolved_where_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = {"asset": "BTC", "horizon": 1800, "step": 1800}
    live = live_pipeline(
        tmp_path, monkeypatch, **{"scheduled_prediction_configs[0].scope_template": template}
    )
    live.capture(at(0), at(60))
    resolve(live, at(1700))
    with live.pipeline.ledger() as ledger:
        assert ledger.ground_truths(at(0), at(60)).empty
    said = resolve(live, at(1800 + 30 + 1.5))
    assert (said["final"], said["provisional"]) == (2, 1)
    said = resolve(live, at(2700 + SETTLED))
    assert said["final"] == 60
    with live.pipeline.ledger() as ledger:
        boards = ledger.leaderboards(Mode.LIVE, at(0), at(2700))
        counted = ledger.model_scores(Mode.LIVE, [at(2700)])
        stored = ledger.scores(Mode.LIVE, at(0), at(60))
    assert boards.set_index("as_of").loc[at(2700), "final"]
    assert len(counted) == 2
    assert len(stored) == 8
    assert (stored["resolvable_at"] - stored["performed_at"] == timedelta(minutes=30)).all()


def test_a_window_that_ends_within_a_resolution_gets_no_board_of_record_without_models(
    live: LivePipeline,
) -> None:
    before = ["feed_records", "ground_truth", "scores", "model_scores"]
    live.clock.wait_until(at(899))
    live.pipeline.succeed(LIVE_START, 1, job="resolve", assets=before)
    live.clock.wait_until(at(900 + SETTLED))
    ranked = live.pipeline.succeed(LIVE_START, 1, job="resolve", assets=["leaderboard"])
    assert not live.pipeline.red(ranked, "consistency")
    with live.pipeline.ledger() as ledger:
        [board] = ledger.leaderboards(Mode.LIVE, at(0), at(900)).to_dict("records")
    assert (board["as_of"], board["final"]) == (at(899), False)
    resolve(live, at(900 + SETTLED))
    with live.pipeline.ledger() as ledger:
        [board] = ledger.leaderboards(Mode.LIVE, at(899), at(900)).to_dict("records")
    assert (board["final"], board["version"]) == (True, 1)
    assert {entry["model_id"] for entry in json.loads(board["entries_json"])} == {"half", "sure"}


def test_a_board_of_record_waits_for_answers_that_a_silent_database_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = {"asset": "BTC", "horizon": 15, "step": 15}
    live = live_pipeline(
        tmp_path, monkeypatch, **{"scheduled_prediction_configs[0].scope_template": template}
    )
    live.capture(at(0), at(60))
    resolve(live, at(903))
    with live.pipeline.ledger() as ledger:
        assert ledger.due_rounds(at(903)) is None
        assert not ledger.newest_leaderboard(Mode.LIVE, at(900))["final"].item()
    resolve(live, at(900 + SETTLED))
    with live.pipeline.ledger() as ledger:
        assert ledger.newest_leaderboard(Mode.LIVE, at(900))["final"].item()


def test_a_resolver_that_does_its_own_io_is_asked_until_it_tells_and_never_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = {"callables.GROUND_TRUTH_RESOLVER": "tests.support.author:resolve_by_own_means"}
    live = live_pipeline(tmp_path, monkeypatch, **resolver)
    live.capture(at(0), at(60))
    entry = close(live.feed_of_its_own(), 13)  # the newest that was in hand for the round of 15
    resolve(live, at(90))
    first = json.loads(truth(live, at(15))["payload_json"])
    assert (first["scope"], first["entry"]) == ("BTC", entry)
    resolve(live, at(150))
    assert json.loads(truth(live, at(15))["payload_json"]) == first
    assert truth(live, at(15))["version"] == 1
    later = truth(live, at(75))  # nobody was asked, so nobody was given anything
    assert json.loads(later["payload_json"])["entry"] is None
