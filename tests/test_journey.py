"""The journey of an hour's predictions, from the question to a rank, in the words of the domain."""

import json
from datetime import timedelta

from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.feed_record.ingest import Ingest
from coordinator_pipelines.domain.ground_truth import ground_truth
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.prediction_batch.replay import Replay
from coordinator_pipelines.domain.rounds.grid import grid
from coordinator_pipelines.domain.score import score
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.feeds.file import FileFeed
from coordinator_pipelines.models.roster import Roster
from tests.support.challenges import FIRST_BAR, START, small_challenge
from tests.support.opinionated import Opinionated
from tests.support.participants import write_participants
from tests.support.pipeline import LATER, open_ledger
from tests.support.prices import closes_from, write_candles

OPINIONS = {"half": 0.5, "optimist": 1.0}


def test_an_optimist_leads_while_prices_rise(tmp_path, sqlite_url):
    rising = [100.0 + minute for minute in range(180)]
    write_candles(tmp_path / "prices.csv", closes_from(FIRST_BAR, rising))
    roster = Roster.load(write_participants(tmp_path, dict.fromkeys(OPINIONS, "return None")))
    challenge = small_challenge(tmp_path, batch_window="1h")
    rules, window = load_rules(challenge), Window(START, START + timedelta(hours=1))
    feed = FileFeed(tmp_path / "prices.csv", subjects=["BTCUSDT"], granularity_seconds=60)

    with open_ledger(sqlite_url, challenge) as ledger:
        # The models are asked in every round, with what could be seen then.
        ledger.record_memberships(roster.memberships(challenge.start))
        ingest = Ingest(challenge, feed, ledger, now=LATER)
        replay = Replay(challenge, rules, ingest, Opinionated(OPINIONS), roster.members, "run-1")
        [(_, written)] = replay.run([window])
        assert written.added == 120

        # The outcome of each round: the price a minute later against the price at the round.
        records = ingest.records(window.start, window.end + timedelta(minutes=2))
        rounds, newest = grid(challenge, window), ingest.newest()
        truths = ground_truth.resolve(challenge, rules, rounds, records, newest, LATER)
        ledger.add_ground_truths(truths.assign(version=1, run_id="run-1"))
        told = ledger.ground_truths(window.start, window.end)
        assert set(told["outcome"]) == {1.0}

        # Each prediction against its outcome.
        predictions = ledger.predictions(Mode.REPLAY, window.start, window.end)
        scored = score.score_batch(challenge, rules, predictions, told, run_id="run-1")
        ledger.add_scores(scored.assign(version=1))

        # The board at the end of the hour.
        boards = Boards(challenge, rules, ledger, Mode.REPLAY, "run-1", LATER)
        metrics = boards.model_scores([window.end])
        [board] = boards.leaderboards([window.end], metrics).to_dict("records")
        first, second = json.loads(board["entries_json"])
        assert (first["model_id"], first["score"]["metrics"]["long"]) == ("optimist", 1.0)
        assert (second["model_id"], second["score"]["metrics"]["long"]) == ("half", 0.75)
        assert board["final"]
