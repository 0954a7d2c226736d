"""``coordinator boards``: which published boards would come out otherwise today."""

from datetime import timedelta
from pathlib import Path

import pytest

from coordinator_pipelines.spec_file import dump_challenge
from tests.command import Commands
from tests.support.live import LIVE_START, live_pipeline

SECOND = timedelta(seconds=1)
FINAL_BY, REVISED_BY = LIVE_START + 1200 * SECOND, LIVE_START + 2400 * SECOND
TRUTHS_AND_SCORES = ["feed_records", "ground_truth", "scores"]


def test_a_price_revised_after_a_live_board_was_final_outdates_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = live_pipeline(tmp_path, monkeypatch)
    feed, bar_end = live.feed_of_its_own(), LIVE_START + 75 * SECOND
    records = feed.inner.records(["BTCUSDT"], LIVE_START, bar_end + SECOND)
    closes = records.set_index("ended_at")["close"]
    entry, resolved = closes[LIVE_START + 15 * SECOND], closes[bar_end]
    feed.changed[bar_end] = (REVISED_BY, entry - 5 if resolved > entry else entry + 5)
    live.capture(LIVE_START, LIVE_START + 60 * SECOND)
    live.clock.wait_until(FINAL_BY)
    live.resolve(LIVE_START)
    spec = tmp_path / "spec.yaml"
    spec.write_text(dump_challenge(live.pipeline.challenge))
    commands = Commands(tmp_path, extra={"COORDINATOR_DATABASE_URL": live.pipeline.url})
    assert commands.succeed("boards", "--spec", str(spec)) == "0 boards are outdated\n"
    live.clock.wait_until(REVISED_BY + 60 * SECOND)
    live.pipeline.succeed(LIVE_START, 1, job="resolve", assets=TRUTHS_AND_SCORES)
    listed, count = commands.succeed("boards", "--spec", str(spec)).splitlines()
    assert listed.startswith("2026-03-01 12:15 UTC, live: ")
    assert count == "1 boards are outdated"
