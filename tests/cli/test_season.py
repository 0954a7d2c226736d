"""``coordinator season``: nothing without ``--yes``, and every refusal says what to do."""

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from tests.command import Commands
from tests.specs import changed
from tests.support.tournament import NOON, TOURNAMENT, tournament

SEASONS = [
    {"name": "spring", "starts_at": "2026-03-01T00:00Z", "ends_at": "2026-03-03T00:00Z"},
    {"name": "summer", "starts_at": "2026-03-03T00:00Z"},
]


def test_a_season_is_frozen_reopened_and_made_final(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cup = tournament(tmp_path, monkeypatch, url=sqlite_url, seasons=SEASONS)
    cup.open()
    cup.capture()
    cup.clock.wait_until(NOON + timedelta(days=1))
    cup.post()
    cup.clock.wait_until(NOON + timedelta(days=2))
    cup.resolve()
    spec = changed({"seasons": SEASONS}, TOURNAMENT)
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(spec))
    (tmp_path / "plain.yaml").write_text(yaml.safe_dump(TOURNAMENT))
    run = Commands(tmp_path, extra={"COORDINATOR_DATABASE_URL": sqlite_url})
    (tmp_path / "truth.csv").write_text("id,truth\na,4\nb,3\nc,2\nd,1\n")
    about = ("spring", "--spec", "spec.yaml", "--by", "ann", "--reason", "all is told")
    assert "cup has no seasons" in run.succeed("season", "list", "--spec", "plain.yaml")
    would = run.succeed("season", "freeze", *about)
    assert would == (
        "The season spring, 2026-03-01 00:00 to 2026-03-03 00:00 UTC, would be FROZEN by ann. "
        "Nothing was changed; --yes does it.\n"
    )
    assert run.succeed("season", "list", "--spec", "spec.yaml").count("OPEN") == 2
    assert run.succeed("season", "freeze", *about, "--yes") == (
        "The season spring is FROZEN, by ann\n"
    )
    listed = run.succeed("season", "list", "--spec", "spec.yaml")
    assert "FROZEN" in listed
    assert "all is told" in listed
    assert "FROZEN" in run.succeed("season", "list", "--spec", "plain.yaml")
    void = ("--round", "2026-03-01T12:00Z", "--reason", "wrong", "--spec", "spec.yaml")
    for yes in ((), ("--yes",)):
        assert run.refuse("round", "void", *void, *yes) == (
            "Error: the season spring is FROZEN, and with it the rounds returns-1d of 2026-03-01 "
            "12:00:00 UTC; `coordinator season reopen spring` opens it again\n"
        )
    told = ("--spec", "spec.yaml", "--truth", "truth.csv", "--round", "2026-03-01T12:00Z")
    assert run.succeed("round", "resolve", *told).endswith(
        "is posted, a correction\n"
        "But the season spring is FROZEN: its boards and payouts stay as they are\n"
    )
    shown = run.succeed("leaderboard", "--season", "spring", "--spec", "spec.yaml")
    assert "2026-03-03" in shown
    assert "Season spring, frozen since" in shown
    none = run.refuse("leaderboard", "--season", "summer", "--spec", "spec.yaml")
    assert "has no live leaderboard" in none
    assert "there are: spring, summer" in run.refuse(
        "leaderboard", "--season", "winter", "--spec", "spec.yaml"
    )
    assert "only one that is OPEN can become FROZEN" in run.refuse("season", "freeze", *about)
    assert "is OPEN, by ann" in run.succeed("season", "reopen", *about, "--yes")
    assert "only one that is FROZEN" in run.refuse("season", "finalize", *about)
    run.succeed("season", "freeze", *about, "--yes")
    assert "is FINAL, by ann" in run.succeed("season", "finalize", *about, "--yes")
    assert "what is final never changes" in run.refuse("season", "reopen", *about, "--yes")
    never = ("never", *about[1:])
    assert "there is no season 'never'; there are: spring, summer" in run.refuse(
        "season", "freeze", *never
    )
    assert "has no end" in run.refuse("season", "freeze", "summer", *about[1:])
    blank = run.refuse("season", "reopen", *about[:-1], " ")
    assert "--reason: printable text" in blank
