"""``coordinator leaderboard``: whose board is shown, and what is said where there is none."""

from datetime import timedelta
from pathlib import Path

import pytest

from coordinator_pipelines.spec_file import dump_challenge
from tests.command import Commands
from tests.support.live import LIVE_START, live_pipeline

MINUTE = timedelta(minutes=1)


def test_the_board_of_a_live_challenge_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    live = live_pipeline(tmp_path, monkeypatch)
    spec = tmp_path / "spec.yaml"
    spec.write_text(dump_challenge(live.pipeline.challenge))
    commands = Commands(tmp_path, extra={"COORDINATOR_DATABASE_URL": live.pipeline.url})
    live.capture(LIVE_START, LIVE_START + 2 * MINUTE)
    assert "has no live leaderboard yet" in commands.refuse("leaderboard", "--spec", str(spec))
    live.clock.wait_until(LIVE_START + 10 * MINUTE)
    live.resolve(LIVE_START)
    said = commands.succeed("leaderboard", "--spec", str(spec))
    assert "interim board as of" in said
    assert "UTC, live" in said
    said = commands.refuse("leaderboard", "--spec", str(spec), "--mode", "replay")
    assert "live has no leaderboard yet" in said
    assert "deploy` runs it live" in said
    assert "demo" not in said
