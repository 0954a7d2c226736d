"""Live rounds, captured on a rehearsed clock through the assets themselves."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest
from dagster._core.event_api import PartitionKeyFilter

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.operation import PAUSE_COLUMNS
from coordinator_pipelines.domain.rounds.timetable import wanted
from coordinator_pipelines.domain.values.errors import FeedConfigurationError
from coordinator_pipelines.feeds.refused import RefusedFeed
from tests.support.live import LIVE_START, LivePipeline, live_pipeline, member
from tests.support.participants import FOLLOWER, HALF, write_participants
from tests.support.pipeline import failure_text, open_ledger

QUARTER = timedelta(minutes=15)
BY_THE_MINUTE = {"scheduled_prediction_configs[0].schedule": {"every_seconds": 60}}
FIRST = "2026-03-01-12:00"


def at(seconds: float) -> datetime:
    return LIVE_START + timedelta(seconds=seconds)


def config(config_id: str, every: int, **schedule: int) -> dict[str, Any]:
    return {
        "id": config_id,
        "scope_key": config_id,
        "scope_template": {"asset": "BTC", "horizon": 60, "step": 60},
        "schedule": {"every_seconds": every, **schedule},
    }


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LivePipeline:
    """A live challenge with two models and a round every 15 seconds."""
    return live_pipeline(tmp_path, monkeypatch)


def pause(live: LivePipeline, config_id: str, start: datetime, end: datetime | None) -> None:
    row = {"prediction_config_id": config_id, "paused_at": start, "resumed_at": end}
    frame = pd.DataFrame([row], columns=list(PAUSE_COLUMNS))
    for name in ("paused_at", "resumed_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    with open_ledger(live.pipeline.url, live.pipeline.challenge) as ledger:
        ledger.record_pause(frame)


@pytest.fixture
def by_the_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LivePipeline:
    """The same with a round every minute, for whole windows."""
    return live_pipeline(tmp_path, monkeypatch, replay_allowed=True, **BY_THE_MINUTE)


def test_every_round_of_the_window_is_asked_once_and_stored(by_the_minute: LivePipeline) -> None:
    live = by_the_minute
    result = live.capture(LIVE_START, LIVE_START + QUARTER)
    stored = live.rounds()
    assert len(stored) == 15
    assert (stored["status"] == "ASKED").all()
    assert len(live.cells()) == 30
    assert (live.cells()["status"] == "SUCCESS").all()
    assert not live.pipeline.red(result, "coverage")


def test_coverage_is_told_by_each_capture_and_never_in_progress(live: LivePipeline) -> None:
    """A check that is planned looks "in progress" in the UI until the capture ends."""
    key = dg.AssetCheckKey(
        dg.AssetKey([live.pipeline.challenge.key, "prediction_batch"]), "coverage"
    )
    window = PartitionKeyFilter(key=f"{LIVE_START:%Y-%m-%d-%H:%M}")
    storage = live.pipeline.instance.event_log_storage

    def states() -> list[str]:
        told = storage.get_asset_check_execution_history(key, limit=10, partition_filter=window)
        return [record.status.value for record in told]

    seen: list[list[str]] = []
    for second in (20, 80):
        live.clock.plan(at(second), lambda: seen.append(states()))
    for second in (0, 60):
        live.capture(at(second), at(second + 60))
        seen.append(states())
    assert seen == [[], ["SUCCEEDED"], ["SUCCEEDED"], ["SUCCEEDED", "SUCCEEDED"]]


def test_resolution_scores_what_is_due_and_ranks_as_of_now(live: LivePipeline) -> None:
    live.capture(LIVE_START, LIVE_START + timedelta(minutes=2))
    live.clock.wait_until(LIVE_START + timedelta(minutes=2, seconds=10))
    live.resolve(LIVE_START)
    with live.pipeline.ledger() as ledger:
        scores = ledger.scores(Mode.LIVE, LIVE_START, LIVE_START + QUARTER)
        board = ledger.newest_leaderboard(Mode.LIVE, live.clock.now())
        assert ledger.due_rounds(live.clock.now() - timedelta(seconds=2)) is None
    assert scores["performed_at"].nunique() == 5  # resolvable by 12:02:08, 60 s later
    assert board["as_of"].item() == live.clock.now()
    assert not board["final"].item()


def test_the_board_of_record_is_final_once_all_truths_are_told(
    by_the_minute: LivePipeline,
) -> None:
    live = by_the_minute
    end = LIVE_START + QUARTER
    live.capture(LIVE_START, end)
    live.clock.wait_until(end)
    live.resolve(LIVE_START)
    with live.pipeline.ledger() as ledger:
        assert not ledger.newest_leaderboard(Mode.LIVE, end)["final"].item()
    live.clock.wait_until(end + timedelta(minutes=4))
    live.resolve(LIVE_START, 2)
    with live.pipeline.ledger() as ledger:
        [board] = ledger.leaderboards(Mode.LIVE, LIVE_START, end).to_dict("records")
        interim = ledger.newest_leaderboard(Mode.LIVE, live.clock.now())
    assert board["as_of"] == end
    assert board["final"]
    assert board["version"] == 2
    assert interim["as_of"].item() == live.clock.now()
    assert not interim["final"].item()


def test_configs_of_different_intervals_share_an_instant_and_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = [config("often", 5), config("odd", 7, offset_seconds=3), config("seldom", 20)]
    live = live_pipeline(tmp_path, monkeypatch, scheduled_prediction_configs=configs)
    result = live.capture(at(0), at(120))
    seconds = range(int(at(0).timestamp()), int(at(120).timestamp()))
    due = {
        t: [c for c, (every, offset) in schedule.items() if (t - offset) % every == 0]
        for schedule in [{"often": (5, 0), "odd": (7, 3), "seldom": (20, 0)}]
        for t in seconds
    }
    asked = {
        int(q.performed_at.timestamp()): [call.prediction_config_id for call in q.calls]
        for ask, _ in live.models.asked
        for q in ask.questions
    }
    assert asked == {t: ids for t, ids in due.items() if ids}
    assert len(live.models.asked) == len(asked)
    assert len(live.cells()) == 2 * sum(map(len, asked.values()))
    assert not live.pipeline.red(result, "coverage")
    ends = [end for _, _, data in live.models.given["half-1"] for end, _ in data["BTC"]]
    assert len(ends) == len(set(ends))


def test_a_paused_config_has_no_rounds_and_misses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = [config("moody", 15), config("merry", 15)]
    live = live_pipeline(tmp_path, monkeypatch, scheduled_prediction_configs=configs)
    live.clock.plan(at(40), lambda: pause(live, "moody", at(40), None))
    live.clock.plan(at(80), lambda: pause(live, "moody", at(40), at(80)))
    result = live.capture(at(0), at(120))
    stored = live.rounds()
    own = stored[stored["prediction_config_id"] == "moody"]
    assert own["performed_at"].tolist() == [at(s) for s in (0, 15, 30, 90, 105)]
    assert len(stored) == 5 + 8
    assert not live.pipeline.red(result, "coverage")
    assert live.pipeline.metadata("prediction_batch")[FIRST]["missed rounds"] == 0


def test_live_rounds_of_the_past_are_refused(live: LivePipeline) -> None:
    live.clock.wait_until(at(900))
    refused = live.pipeline.run(LIVE_START, job="capture", capture_from=at(0).isoformat())
    assert not refused.success
    assert failure_text(refused) == (
        "2026-03-01 12:00 to 2026-03-01 12:15 UTC is over; live rounds of the past stay missed. "
        "Leave out capture_from and capture_until to replay it"
    )
    assert live.rounds().empty


@pytest.mark.parametrize(
    ("windows", "asking", "text"),
    [
        (2, {}, "captured live it takes a run of its own"),
        (1, {"capture_from": "noon"}, "capture_from 'noon': write an instant as"),
        (1, {"capture_until": "2026-03-01T12:10:00"}, "is naive"),
        (1, {"capture_until": "2026-03-01T12:20:00Z"}, "are not in 2026-03-01 12:00"),
    ],
)
def test_what_cannot_be_captured_is_refused(live, windows, asking, text) -> None:
    live.clock.wait_until(at(60))
    refused = live.pipeline.run(LIVE_START, windows, job="capture", **asking)
    assert not refused.success
    assert text in failure_text(refused)


@pytest.mark.slow
def test_a_replay_of_a_captured_window_leaves_the_live_rows_alone(
    by_the_minute: LivePipeline, tmp_path: Path
) -> None:
    live = by_the_minute
    live.capture(at(0), at(900))
    live.clock.wait_until(at(1100))
    live.resolve(LIVE_START, 2)
    tables = ("rounds", "predictions", "scores", "leaderboards", "model_memberships")

    def live_rows() -> dict[str, pd.DataFrame]:
        frames = {table: live.pipeline.rows(table) for table in tables}
        return {t: f[f["mode"] == "live"].reset_index(drop=True) for t, f in frames.items()}

    before = live_rows()
    write_participants(tmp_path, {"half": HALF, "follower": FOLLOWER})
    live.clock.wait_until(at(1800))
    live.pipeline.succeed(LIVE_START, 1)
    after = live_rows()
    for table in tables:
        pd.testing.assert_frame_equal(after[table], before[table], obj=table)
    with live.pipeline.ledger() as ledger:
        replayed = ledger.predictions(Mode.REPLAY, at(0), at(900))
    assert len(replayed) == 30
    said = live.pipeline.metadata("prediction_batch")[FIRST]
    assert said["mode"] == "live and replay"
    assert (said["rounds"], said["cells"], said["missed rounds"]) == (15, 30, 0)
    assert (said["replay rounds"], said["replay cells"]) == (15, 30)
    assert said["replay cells added"] == 30
    assert {"latency", "coordinator ms p50", "total ms p99"} <= set(said)


def test_the_report_of_a_capture_says_how_long_its_rounds_took(live: LivePipeline) -> None:
    def slow(*_: Any) -> dict[str, float]:
        live.clock.wait_until(live.clock.now() + timedelta(seconds=0.25))
        return {"p_up": 0.5}

    live.models.join(member("slow"), slow)
    live.capture(at(0), at(60))
    with live.pipeline.ledger() as ledger:
        timings = ledger.timings(at(0), at(60))
    assert timings["performed_at"].tolist() == [at(s) for s in (0, 15, 30, 45)]
    assert (timings["models_ms"] == 250).all()
    assert (timings["total_ms"] == 250).all()
    assert (timings["models"] == 3).all()
    said = live.pipeline.metadata("prediction_batch")[FIRST]
    assert (said["coordinator ms p50"], said["total ms p99"]) == (0, 250)
    assert said["rounds"] == 4


def test_a_round_of_the_next_capture_is_not_reported_as_missed(live: LivePipeline) -> None:
    def slow(*_: Any) -> dict[str, float]:
        live.clock.wait_until(max(live.clock.now(), at(60.5)))
        return {"p_up": 0.5}

    live.clock.plan(at(40), lambda: live.models.join(member("slow"), slow))
    result = live.capture(at(0), at(60))
    assert live.clock.now() == at(60.5)
    assert not live.pipeline.red(result, "coverage")
    assert live.pipeline.metadata("prediction_batch")[FIRST]["rounds"] == 4


def test_a_feed_that_is_set_up_wrongly_stops_the_capture_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = live_pipeline(tmp_path, monkeypatch)
    refused = RefusedFeed(FeedConfigurationError("symbol 'BTCUSTD' is unknown to the provider"))
    live.pipeline.resources = {**live.pipeline.resources, "feed": refused}
    live.clock.wait_until(LIVE_START - timedelta(seconds=20))
    result = live.pipeline.run(
        LIVE_START, job="capture", capture_from=LIVE_START.isoformat(),
        capture_until=(LIVE_START + QUARTER).isoformat(),
    )  # fmt: skip
    assert not result.success
    assert "symbol 'BTCUSTD' is unknown to the provider" in failure_text(result)
    with live.pipeline.ledger() as ledger:
        newest = ledger.newest_capture()
        again = wanted(live.pipeline.challenge, newest, ledger.pauses(), live.clock.now())
    assert newest["end_reason"].item().startswith("failed: FeedConfigurationError")
    assert again is None or again.start >= live.clock.now() + timedelta(seconds=30)


def test_record_by_record_a_model_is_told_the_same_data_in_more_ticks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {}
    for per in ("question", "record"):
        live = live_pipeline(tmp_path / per, monkeypatch, model_interface={"tick_per": per})
        live.clock.plan(at(20), lambda live=live: live.models.join(member("late")))
        live.capture(LIVE_START, at(60))
        assert (live.cells()["status"] == "SUCCESS").all()
        told[per] = live.models.given
    assert {len(data["BTC"]) for _, _, data in told["record"]["late-1"]} == {1}
    for deployment, ticks in told["question"].items():
        by_record = told["record"][deployment]
        for when, kind, data in ticks:
            own = [each for at_, kind_, each in by_record if (at_, kind_) == (when, kind)]
            assert [{"BTC": [point]} for point in data["BTC"]] == own
