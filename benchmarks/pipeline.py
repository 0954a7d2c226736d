"""A backfill from price records to boards, against the hand-written loop that it replaces.

Ours: the starter challenge's windows through replay, truth, scores and boards into SQLite, without
Dagster. Baseline, in the same run and on the same predictions: what a worker loop does for each
prediction, one after the other (look up both prices by a query, score the row, insert it, commit).

    python -m benchmarks.pipeline [windows]
"""

import json
import sqlite3
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.domain.author.rules import Rules, load_rules
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.feed_record.access import FeedAccess
from coordinator_pipelines.domain.feed_record.ingest import Ingest
from coordinator_pipelines.domain.ground_truth.ground_truth import new_versions as new_truths
from coordinator_pipelines.domain.ground_truth.ground_truth import resolve
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.model_score.versions import new_versions_as_of
from coordinator_pipelines.domain.prediction_batch.replay import Replay
from coordinator_pipelines.domain.rounds.grid import grid
from coordinator_pipelines.domain.score.score import new_versions, score_batch
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.prediction_config import config_rows
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.feeds.registry import open_feed
from coordinator_pipelines.models.isolation import Tier
from coordinator_pipelines.models.replay.lodgings import HouseRules
from coordinator_pipelines.models.replay.replay_models import ReplayModels
from coordinator_pipelines.models.roster import Roster
from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.sql_ledger import SqlLedger

BASELINE_ROWS = 2000


def main() -> None:
    """Time both and print the ratio."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    challenge = load_challenge(starter_spec())
    rules = load_rules(challenge)
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{directory}/ledger.db"
        schema.upgrade(url)
        ledger = SqlLedger(url, statistics_bucket=challenge.statistics_bucket)
        windows = _windows(challenge, count)
        cells = _ours(challenge, rules, ledger, windows, Path(directory))
        _baseline(Path(directory), ledger, windows, cells)
        ledger.close()


def _windows(challenge: Challenge, count: int) -> list[Window]:
    length = challenge.window_length
    starts = (challenge.start + i * length for i in range(count))
    return [Window(start, start + length) for start in starts]


def lodging(directory: Path) -> HouseRules:
    """Models as they run where no sandbox can be had: what that costs is not measured here."""
    return HouseRules(directory, None, 4 << 30, trust=True, say=lambda _: None, tier=Tier.TRUSTED)


def _ours(
    challenge: Challenge, rules: Rules, ledger: SqlLedger, windows: list[Window], directory: Path
) -> float:
    """Run the stages one after the other; cells per second of all of them together."""
    span = Window(windows[0].start, windows[-1].end)
    roster = Roster.load(challenge.models_file)
    ledger.identify(challenge.identity)
    ledger.register_configs(config_rows(challenge.scheduled_prediction_configs))
    ledger.record_memberships(roster.memberships(challenge.start))
    ingest = Ingest(challenge, open_feed(challenge.feed, FeedAccess()), ledger, datetime.now(UTC))
    laps = [("start", time.perf_counter())]
    with ReplayModels(
        base_class=challenge.model_base_classname,
        log_dir=directory,
        lodging=lodging(directory),
        supplies=lambda: roster.supplies,
    ) as models:
        replay = Replay(challenge, rules, ingest, models, roster.members, "benchmark")
        cells = sum(written.added for _, written in replay.run(windows))
    laps.append(("predictions", time.perf_counter()))
    rounds = grid(challenge, span)
    records = ingest.records(span.start, span.end + challenge.window_length)
    truths = resolve(challenge, rules, rounds, records, ingest.newest(), ingest.now)
    truths = new_truths(truths, ledger.ground_truths(span.start, span.end))
    ledger.add_ground_truths(truths.assign(run_id="benchmark"))
    laps.append(("truths", time.perf_counter()))
    predictions = ledger.predictions(Mode.REPLAY, span.start, span.end)
    truths = ledger.ground_truths(span.start, span.end)
    scored = score_batch(challenge, rules, predictions, truths, run_id="benchmark")
    ledger.add_scores(new_versions(scored, ledger.scores(Mode.REPLAY, span.start, span.end)))
    laps.append(("scores", time.perf_counter()))
    boards = Boards(challenge, rules, ledger, Mode.REPLAY, "benchmark", ingest.now)
    ends = [window.end for window in windows]
    rows = new_versions_as_of(boards.model_scores(ends), ledger.model_scores(Mode.REPLAY, ends))
    ledger.add_model_scores(rows)
    board_rows = boards.leaderboards(ends, ledger.model_scores(Mode.REPLAY, ends))
    known = ledger.leaderboards(Mode.REPLAY, span.start, span.end)
    ledger.add_leaderboards(new_versions_as_of(board_rows, known))
    laps.append(("boards", time.perf_counter()))
    total = laps[-1][1] - laps[0][1]
    for (_, before), (name, after) in pairwise(laps):
        print(f"  {name:<12} {after - before:6.2f} s")
    print(f"ours: {cells} cells of {len(windows)} windows in {total:.2f} s")
    return cells / total


def _baseline(
    directory: Path, ledger: SqlLedger, windows: list[Window], cells_per_second: float
) -> None:
    """The loop on a sample of the same predictions, models' own time left out."""
    predictions = ledger.predictions(Mode.REPLAY, windows[0].start, windows[-1].end)
    sample = predictions[predictions["output_json"].notna()].head(BASELINE_ROWS)
    prices = ledger.feed_records(["BTCUSDT"], windows[0].start, windows[-1].end)
    database = sqlite3.connect(directory / "baseline.db")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE prices (at TEXT PRIMARY KEY, price REAL)")
    database.execute("CREATE TABLE scores (id TEXT PRIMARY KEY, output TEXT, value REAL)")
    rows = zip(prices["ended_at"].astype(str), prices["close"], strict=True)
    database.executemany("INSERT INTO prices VALUES (?, ?)", rows)
    database.commit()
    started = time.perf_counter()
    for row in sample.to_dict("records"):
        entry = _price(database, row["performed_at"])
        resolved = _price(database, row["resolvable_at"])
        output = json.loads(row["output_json"])
        value = 1 - (output["p_up"] - float(resolved > entry)) ** 2
        database.execute(
            "INSERT INTO scores VALUES (?, ?, ?)", (row["id"], row["output_json"], value)
        )
        database.commit()
    seconds = time.perf_counter() - started
    database.close()
    rate = len(sample) / seconds
    print(f"baseline: {len(sample)} predictions scored and stored in {seconds:.2f} s")
    print(
        f"cells/s: ours {cells_per_second:,.0f} with the models' calls, baseline {rate:,.0f} "
        f"without them: {cells_per_second / rate:.1f} x"
    )


def _price(database: sqlite3.Connection, at: object) -> float:
    found = database.execute("SELECT price FROM prices WHERE at = ?", (str(at),)).fetchone()
    return float(found[0]) if found else 0.0


if __name__ == "__main__":
    main()
