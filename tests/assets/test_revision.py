"""A candle that changed after it was read: a new version of everything that rests on it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from tests.support.challenges import START, WINDOW
from tests.support.participants import FOLLOWER, HALF, SPY, write_participants
from tests.support.pipeline import LATER
from tests.support.prices import closes_from, walk, write_candles
from tests.support.recompute import seconds

REVISED = START + timedelta(minutes=20)
"""End of the revised bar, in the second window."""
KEEP = {"callables__INFERENCE_OUTPUT_VALIDATOR": "tests.support.author:keep"}


@pytest.fixture
def revise(tmp_path: Path, closes):
    """Write the price file with another close of the revised bar."""

    def write(close: float) -> None:
        write_candles(tmp_path / "prices.csv", {**closes, seconds(REVISED): close})

    return write


@pytest.fixture
def revised(pipeline, revise, closes):
    """Run over three windows, with a file that changes; the tables before and after."""
    before_it = closes[seconds(REVISED) - 60]
    revise(before_it - 1)
    pipeline.succeed(START, 3)
    before = pipeline.contents()
    revise(before_it + 1)
    pipeline.clock.instant = LATER + timedelta(days=1)
    result = pipeline.succeed(START + WINDOW, 1)
    return pipeline, before, result


def versions(frame, *columns):
    return frame[frame["version"] != "1"][list(columns)].values.tolist()


def test_a_revised_candle_becomes_a_second_version_beside_the_first(revised):
    pipeline, before, _ = revised
    after = pipeline.contents()
    for table in ("feed_records", "ground_truths", "scores", "model_scores", "leaderboards"):
        old = after[table][after[table]["version"] == "1"].reset_index(drop=True)
        assert old.equals(before[table]), table
    assert after["predictions"].equals(before["predictions"])
    assert after["rounds"].equals(before["rounds"])
    assert len(versions(after["feed_records"], "ended_at")) == 1


def test_exactly_the_truths_that_read_the_candle_have_a_second_version(revised):
    pipeline, _, result = revised
    with pipeline.ledger() as ledger:
        truths = ledger.ground_truths(START, START + 3 * WINDOW)
    again = truths[truths["version"] == 2]
    assert [t.to_pydatetime() for t in again["performed_at"]] == [
        REVISED - timedelta(minutes=1),
        REVISED,
    ]
    assert again["resolved_record_version"].tolist() == [2, 1]
    assert again["entry_record_version"].tolist() == [1, 2]
    assert again["outcome"].iloc[0] == 1.0
    assert (truths["version"] <= 2).all()
    assert pipeline.metadata("ground_truth")[f"{START + WINDOW:%Y-%m-%d-%H:%M}"]["revised"] == 2
    assert all(check.passed for check in pipeline.checks(result))


def test_their_scores_and_the_boards_follow(revised):
    pipeline, _, _ = revised
    with pipeline.ledger() as ledger:
        scores = ledger.scores(Mode.REPLAY, START, START + 3 * WINDOW)
        again = scores[scores["version"] == 2]
        assert set(again["performed_at"]) <= {REVISED - timedelta(minutes=1), REVISED}
        assert len(again) >= 4
        assert (again["truth_version"] == 2).all()
        boards = ledger.leaderboards(Mode.REPLAY, START, START + 3 * WINDOW)
        assert boards["version"].tolist() == [1, 2, 1]
        pipeline.succeed(START, 3, job="refresh_boards")
        boards = ledger.leaderboards(Mode.REPLAY, START, START + 3 * WINDOW)
        assert boards["version"].tolist() == [1, 2, 2]


@pytest.mark.slow
def test_after_the_refresh_the_baseline_stands_as_if_the_candle_had_never_been_another(
    revised, make_pipeline
):
    pipeline, _, _ = revised
    pipeline.succeed(START, 3, job="refresh_boards")
    fresh = make_pipeline("fresh")
    fresh.succeed(START, 3)
    assert baseline(pipeline) == baseline(fresh)


def baseline(pipeline):
    """The baseline on the newest board; other models were asked before the revision."""
    with pipeline.ledger() as ledger:
        board = ledger.leaderboards(Mode.REPLAY, START, START + 3 * WINDOW).iloc[-1]
    [entry] = [each for each in json.loads(board["entries_json"]) if each["model_id"] == "half"]
    # How sure a board is depends on all models, and so on what others answered.
    return {name: told for name, told in entry["score"].items() if name != "certainty"}


def test_a_revision_that_makes_a_tie_withdraws_the_scores(pipeline, revise, closes):
    before_it = closes[seconds(REVISED) - 60]
    revise(before_it + 1)
    pipeline.succeed(START, 2)
    revise(before_it)
    pipeline.succeed(START + WINDOW, 1)
    with pipeline.ledger() as ledger:
        scores = ledger.scores(Mode.REPLAY, START, START + 2 * WINDOW)
    withdrawn = scores[scores["performed_at"] == REVISED - timedelta(minutes=1)]
    assert set(withdrawn["status"]) == {"VOID"}
    assert set(withdrawn["version"]) == {2}
    assert withdrawn["value"].isna().all()


@pytest.mark.slow
def test_a_model_asked_after_the_revision_still_sees_what_was_published_then(
    make_pipeline, revise, tmp_path
):
    write_participants(tmp_path, {"half": HALF})
    pipeline = make_pipeline(**KEEP)
    revise(100.0)
    pipeline.succeed(START, 2)
    revise(200.0)
    pipeline.succeed(START, 2, assets=["feed_records"])
    write_participants(tmp_path, {"half": HALF, "spy": SPY})
    pipeline.succeed(START, 2)
    with pipeline.ledger() as ledger:
        cells = ledger.predictions(Mode.REPLAY, START, START + 2 * WINDOW)
    told = [
        price
        for output in cells.loc[cells["model_id"] == "spy", "output_json"]
        for tick in json.loads(output)["seen"]
        for end, price in tick["BTC"]
        if end == seconds(REVISED)
    ]
    assert told == [100.0]


@pytest.mark.slow
@pytest.mark.prices
@pytest.mark.parametrize("number", [0, 1])
def test_the_real_revised_candles_change_the_truth_only_as_a_new_version(
    prices_dir, make_pipeline, tmp_path, number
):
    path = prices_dir / "bybit_revised_candles_real.json"
    candle = json.loads(path.read_text())["revisions"][number]
    first, second = candle["first"]["close"], candle["second"]["close"]
    ended_at = datetime.fromisoformat(candle["open_time"]).astimezone(UTC) + timedelta(minutes=1)
    start = ended_at.replace(minute=0)
    file, symbol = tmp_path / "revised.csv", candle["symbol"]
    first_bar = start - timedelta(hours=1) + timedelta(minutes=1)
    around = closes_from(first_bar, [price * first / 100 for price in walk(120)])
    around[seconds(ended_at) - 60] = (first + second) / 2
    write_candles(file, {**around, seconds(ended_at): first}, symbol=symbol)
    write_participants(tmp_path, {"half": HALF, "follower": FOLLOWER})
    changes = {
        "start": start.isoformat(),
        "feed__path": str(file),
        "feed__subjects": {"BTC": symbol},
    }
    pipeline = make_pipeline(**changes)
    pipeline.succeed(start, 1)
    before = pipeline.contents()
    write_candles(file, {**around, seconds(ended_at): second}, symbol=symbol)
    pipeline.succeed(start, 1)
    performed_at = ended_at - timedelta(minutes=1)
    with pipeline.ledger() as ledger:
        records = ledger.feed_records([symbol], start, start + WINDOW, all_versions=True)
        truths = ledger.ground_truths(start, start + WINDOW)
        board = ledger.leaderboards(Mode.REPLAY, start, start + WINDOW)
    own = records[records["ended_at"] == ended_at]
    assert own["close"].tolist() == [first, second]
    assert own["version"].tolist() == [1, 2]
    told = truths[truths["performed_at"] == performed_at].iloc[0]
    assert (told["version"], told["outcome"]) == (2, float(second > first))
    assert pipeline.rows("predictions").equals(before["predictions"])
    old = pipeline.rows("ground_truths")
    assert old[old["version"] == "1"].reset_index(drop=True).equals(before["ground_truths"])
    assert board["version"].tolist() == [2]


@pytest.mark.slow
def test_a_file_that_became_shorter_takes_back_nothing(pipeline, closes, tmp_path):
    pipeline.succeed(START, 3)
    before = pipeline.contents()
    shorter = {end: price for end, price in closes.items() if end <= seconds(REVISED)}
    write_candles(tmp_path / "prices.csv", shorter)
    pipeline.succeed(START, 3)
    for table, rows in before.items():
        assert pipeline.rows(table).equals(rows), table
