"""``coordinator leaderboard``: whose board is shown, and what is said where there is none."""

from datetime import timedelta
from pathlib import Path

import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
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


def test_two_models_of_a_live_challenge_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    live = live_pipeline(tmp_path, monkeypatch)
    spec = tmp_path / "spec.yaml"
    spec.write_text(dump_challenge(live.pipeline.challenge))
    commands = Commands(tmp_path, extra={"COORDINATOR_DATABASE_URL": live.pipeline.url})
    live.capture(LIVE_START, LIVE_START + 2 * MINUTE)
    live.clock.wait_until(LIVE_START + 10 * MINUTE)
    live.resolve(LIVE_START)
    with live.pipeline.ledger() as ledger:
        first, second, *_ = sorted(ledger.memberships(Mode.LIVE)["model_id"])
    said = commands.succeed("compare", first, second, "--spec", str(spec))
    assert f"{first} and {second}, 8 rounds in which both have a score" in said
    assert f"mean of {first}" in said
    refused = commands.refuse("compare", first, "nobody", "--spec", str(spec))
    assert f"no live model is called nobody; there are {first}" in refused
    assert "name two models" in commands.refuse("compare", first, first, "--spec", str(spec))
