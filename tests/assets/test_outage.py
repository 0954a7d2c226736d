"""A feed that was out: what is missing is said, by window and minute, and nobody pays for it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.ground_truth.tally import round_tally
from tests.support.challenges import FIRST_BAR, START, WINDOW
from tests.support.participants import FOLLOWER, HALF, SPY, write_participants
from tests.support.pipeline import Pipeline, keys, same_contents
from tests.support.prices import MINUTE, closes_from, read_closes, walk, write_candles
from tests.support.recompute import seconds

WINDOWS = 6
STALENESS = 180
GAP = [START + timedelta(minutes=k) for k in (*range(20, 31), 64)]
"""Ends of the bars that are missing: eleven in a row, and one by itself."""
REAL = "fixtures/gap_coinbase_BTCUSD_1m_20180404_20180406.csv.gz"


class Expected:
    """What an outage must do, computed from the closes that are there."""

    def __init__(self, closes, first: datetime, windows: int, length: timedelta, delay: int):
        self.closes, self.first, self.length = closes, first, length
        self.start, self.end = seconds(first), seconds(first + windows * length)
        self.rounds = range(self.start, self.end, MINUTE)
        self.void = {t for t in self.rounds if self._age(t, delay) > STALENESS}
        self.missing = {t for t in self.rounds if t not in closes}
        self.unresolvable = {t for t in self.rounds if t not in closes or t + MINUTE not in closes}

    def _age(self, instant: int, delay: int) -> int:
        newest = (instant - delay) // MINUTE * MINUTE
        while newest not in self.closes:
            newest -= MINUTE
        return instant - newest

    def windows(self, instants) -> set[str]:
        """Keys of the windows in which the instants lie."""
        size = int(self.length.total_seconds())
        starts = {self.start + (t - self.start) // size * size for t in instants}
        return {f"{datetime.fromtimestamp(t, UTC):%Y-%m-%d-%H:%M}" for t in starts}


def minute(instant: int) -> str:
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%d %H:%M}"


def check_outage(pipeline: Pipeline, expected: Expected, result) -> None:
    red = {
        "feed_gaps": expected.missing,
        "coverage": expected.void,
        "truth_finality": expected.unresolvable,
    }
    windows = (expected.end - expected.start) // int(expected.length.total_seconds())
    partitions = keys(expected.first, windows, expected.length)
    checks = pipeline.checks(result)
    for name in {check.name for check in checks}:
        evaluated = [check.partition for check in checks if check.name == name]
        assert sorted(evaluated) == partitions
        assert set(pipeline.red(result, name)) == expected.windows(red.get(name, ())), name
    for partition, check in pipeline.red(result, "truth_finality").items():
        for instant in expected.unresolvable:
            if expected.windows([instant]) == {partition}:
                assert f"{minute(instant)}:00 UTC: no record of" in check.problems
    for partition, check in pipeline.red(result, "coverage").items():
        own = [t for t in expected.void if expected.windows([t]) == {partition}]
        assert all(f"VOID {minute(t)}:00 UTC" in check.problems for t in own)
        assert check.description.startswith("VOID ")


def check_rows(pipeline: Pipeline, expected: Expected) -> None:
    first = expected.first
    end = datetime.fromtimestamp(expected.end, UTC)
    with pipeline.ledger() as ledger:
        rounds = ledger.rounds(Mode.REPLAY, first, end)
        cells = ledger.predictions(Mode.REPLAY, first, end)
        truths = ledger.ground_truths(first, end)
        scores = ledger.scores(Mode.REPLAY, first, end)
        board = ledger.leaderboards(Mode.REPLAY, first, end).iloc[-1]
    assert len(rounds) == len(truths) == len(expected.rounds)
    void = rounds[rounds["status"] == "VOID"]
    assert {seconds(t) for t in void["performed_at"]} == expected.void
    assert void["reason"].str.contains("record").all()
    assert not {seconds(t) for t in cells["performed_at"]} & expected.void
    untold = truths[truths["state"] == "UNRESOLVABLE"]
    assert {seconds(t) for t in untold["performed_at"]} == expected.unresolvable
    for row in untold.itertuples():
        lacking = [
            t for t in (row.performed_at, row.resolvable_at) if seconds(t) not in expected.closes
        ]
        assert row.reason == "; ".join(f"no record of {t:%Y-%m-%d %H:%M:%S} UTC" for t in lacking)
    scored = {seconds(t) for t in scores["performed_at"]}
    assert scored == set(expected.rounds) - expected.void - expected.unresolvable - {
        seconds(t) for t in truths.loc[truths["state"] == "VOID", "performed_at"]
    }
    for entry in json.loads(board["entries_json"]):
        for window in entry["score"]["payload"]["windows"].values():
            assert window["n_imputed"] == 0
            assert window["coverage"] == 1.0


@pytest.fixture
def outage(make_pipeline, tmp_path):
    closes = closes_from(FIRST_BAR, walk(300))
    gap = {seconds(instant) for instant in GAP}
    write_candles(tmp_path / "prices.csv", closes, missing=gap)
    write_participants(tmp_path, {"half": HALF, "follower": FOLLOWER, "spy": SPY})
    pipeline = make_pipeline()
    left = {t: close for t, close in closes.items() if t not in gap}
    return pipeline, Expected(left, START, WINDOWS, WINDOW, delay=2)


def test_exactly_the_windows_concerned_are_red_and_name_the_minutes(outage):
    pipeline, expected = outage
    assert expected.void
    assert expected.unresolvable > expected.missing
    result = pipeline.succeed(START, WINDOWS)
    check_outage(pipeline, expected, result)
    check_rows(pipeline, expected)
    gaps = pipeline.red(result, "feed_gaps")
    assert gaps["2025-01-01-02:15"].description == (
        "BTCUSDT 2025-01-01 02:20 to 02:29 UTC (10 minutes)"
    )
    assert gaps["2025-01-01-02:30"].description == "BTCUSDT 2025-01-01 02:30 UTC (1 minute)"
    assert gaps["2025-01-01-03:00"].problems == "* BTCUSDT 2025-01-01 03:04 UTC (1 minute)"
    end = START + WINDOWS * WINDOW
    with pipeline.ledger() as ledger:
        tally = round_tally(pipeline.challenge, ledger, Mode.REPLAY, START, end)
        half = round_tally(pipeline.challenge, ledger, Mode.REPLAY, START, START + 3 * WINDOW)
    assert (tally.total, tally.void) == (len(expected.rounds), len(expected.void))
    assert tally.unresolvable == len(expected.unresolvable - expected.void)
    assert tally.scored + tally.tied == tally.total - len(expected.unresolvable | expected.void)
    assert 0 < tally.tied < tally.scored
    assert (tally.missed, tally.pending) == (0, 0)
    assert half.total == 3 * 15
    metadata = pipeline.metadata("feed_records")
    assert metadata["2025-01-01-02:15"]["gaps"] == gaps["2025-01-01-02:15"].description
    assert metadata["2025-01-01-02:00"]["gaps"] == "none"


def test_the_checks_are_evaluations_of_partitions_that_dagster_keeps(outage):
    pipeline, expected = outage
    result = pipeline.succeed(START, WINDOWS)
    connection = pipeline.instance.get_records_for_run(result.run_id)
    kept = [
        record.event_log_entry.dagster_event.asset_check_evaluation_data
        for record in connection.records
        if record.event_log_entry.dagster_event
        and record.event_log_entry.dagster_event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    red = {each.partition for each in kept if each.check_name == "coverage" and not each.passed}
    assert red == expected.windows(expected.void)


def test_a_round_waits_for_its_deadline_before_it_is_unresolvable(outage):
    pipeline, expected = outage
    deadline = pipeline.challenge.truth.resolution_deadline_seconds
    first = min(expected.unresolvable)
    pipeline.clock.instant = datetime.fromtimestamp(first + MINUTE + deadline, UTC)
    result = pipeline.succeed(START, 2)
    pending = pipeline.red(result, "truth_finality")["2025-01-01-02:15"]
    assert f"{minute(first)}:00 UTC: not resolved yet" in pending.problems
    with pipeline.ledger() as ledger:
        board = ledger.leaderboards(Mode.REPLAY, START, START + 2 * WINDOW)
        assert board["final"].tolist() == [True, False]
        pipeline.clock.instant += timedelta(seconds=1)
        pipeline.succeed(START, 2)
        truths = ledger.ground_truths(START, START + 2 * WINDOW)
    assert truths["state"].value_counts()["UNRESOLVABLE"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "pieces", [(1, 3), pytest.param((2, 1, 1), marks=pytest.mark.slow)], ids=str
)
def test_what_is_stored_of_an_outage_does_not_depend_on_how_a_backfill_was_split(
    make_pipeline, tmp_path, pieces
):
    """The outage is longer than the look-back: a window by itself has not seen what was before."""
    closes = closes_from(FIRST_BAR, walk(300))
    back = START + 3 * WINDOW + timedelta(minutes=5)
    lost = {t for t in closes if START < datetime.fromtimestamp(t, UTC) < back}
    write_candles(tmp_path / "prices.csv", closes, missing=lost)
    write_participants(tmp_path, {"half": HALF, "follower": FOLLOWER})
    whole, split = make_pipeline("whole"), make_pipeline("split")
    assert whole.challenge.look_back < timedelta(minutes=20)
    stages = ["feed_records", "prediction_batch", "ground_truth"]
    whole.succeed(START, sum(pieces), assets=stages)
    first = START
    for windows in pieces:
        split.succeed(first, windows, assets=stages)
        first += windows * WINDOW
    tables = ("feed_records", "rounds", "predictions", "ground_truths")
    same_contents(whole.contents(tables), split.contents(tables))
    void = whole.rows("rounds").query("status == 'VOID'")
    assert len(void) > 40
    told = void["reason"].str.startswith("newest record ended 2025-01-01 02:00:00")
    assert 0 < told.sum() < len(void)
    assert (told == void["input_ended_at"].notna()).all()
    assert set(void.loc[~told, "reason"]) == {"no record within the staleness limit (180 s)"}


@pytest.mark.slow
@pytest.mark.prices
def test_the_real_outage_is_red_in_exactly_its_windows(prices_dir, make_pipeline, tmp_path):
    closes = read_closes(prices_dir / REAL)
    write_participants(tmp_path, {"half": HALF, "follower": FOLLOWER})
    first, windows = datetime(2018, 4, 4, 14, tzinfo=UTC), 13
    changes = {
        "feed__path": str(prices_dir / REAL),
        "feed__subjects": {"BTC": "BTC-USD"},
        "start": first.isoformat(),
        "batch_window": "1h",
        "truth__tie_rule": "half",
    }
    pipeline = make_pipeline(**changes)
    expected = Expected(closes, first, windows, timedelta(hours=1), delay=2)
    assert len(expected.missing) == 433
    result = pipeline.succeed(first, windows)
    check_outage(pipeline, expected, result)
    check_rows(pipeline, expected)
